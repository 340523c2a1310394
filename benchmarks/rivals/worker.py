"""One library in its own interpreter, driven over pipes; see ``benchmarks/workers.py`` for the other end.

Run as ``python worker.py ADAPTER CLASS REPLY``. ADAPTER is a module of ``adapters``, REPLY the number of an open file.
Requests come on standard input and answers go to REPLY, one JSON object a line. A request names a method of the
adapter and its arguments. A method with a parameter ``tell`` may call it with intermediate answers; it then waits
until it is told to go on, so that measurements of several libraries can take turns.
"""

import importlib
import inspect
import json
import os
import sys
import traceback


class StopError(Exception):
    """The other end has seen enough."""


def main() -> None:
    module, name, reply = sys.argv[1:]
    answers = os.fdopen(int(reply), "w")

    def answer(**content):
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    def tell(value):
        answer(value=value, more=True)
        if sys.stdin.readline().strip() != "go":
            raise StopError

    try:
        adapter = getattr(importlib.import_module(f"adapters.{module}"), name)()
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}".splitlines()[0])
        return
    answer(value=adapter.versions())
    for line in sys.stdin:
        request = json.loads(line)
        method, arguments = getattr(adapter, request["call"]), request["arguments"]
        if "tell" in inspect.signature(method).parameters:
            arguments["tell"] = tell
        try:
            answer(value=method(**arguments))
        except StopError:
            answer(value=None)
        except Exception as error:
            traceback.print_exc()
            answer(error=f"{type(error).__name__}: {error}".splitlines()[0])


if __name__ == "__main__":
    main()
