"""``python -m tastespace``: the command line."""

from tastespace.cli import main

if __name__ == "__main__":
    main()
