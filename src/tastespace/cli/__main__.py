"""``python -m tastespace.cli``: the command line."""

from tastespace.cli import main

if __name__ == "__main__":
    main()
