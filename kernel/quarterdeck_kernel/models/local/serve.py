"""The server's process: serves a GGUF file on loopback until its owner is gone.

Run as a file, so that nothing of the kernel is loaded here. One line of JSON comes in, one goes
out: where the server is, or why there is none. Standard input then stays open as long as the owner
lives, however it dies.
"""

import json
import os
import sys
import threading
from typing import Any

NEEDED = "it needs the extra `local`: python -m pip install xllamacpp"


def main() -> None:
    """Serve, until standard input ends."""
    # What llama.cpp prints goes to the log; the answer has a way of its own.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    owned = threading.Thread(target=_outlive_nobody)
    owned.start()
    answer: dict[str, str]
    try:
        server = _served(order)
        answer = {"url": server.listening_address}
    except ImportError as error:
        answer = {"error": NEEDED if error.name == "xllamacpp" else str(error)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the owner tells it to a person
        answer = {"error": str(error) or type(error).__name__}
    print(json.dumps(answer), file=answers, flush=True)
    owned.join()


def _outlive_nobody() -> None:
    sys.stdin.read()
    # At once: the server's own way out waits for the request under way, and may wait for ever.
    os._exit(0)


def _served(order: dict[str, Any]) -> Any:  # noqa: ANN401 - it has no types
    # It may be missing, which is an answer.
    import xllamacpp  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    wanted = xllamacpp.CommonParams()
    wanted.model.path = order["gguf"]
    wanted.n_ctx = order["window_tokens"]
    wanted.n_parallel = 1
    # Its threads wait for each other in a spin: on a busy machine a core too many costs tenfold.
    threads = max(1, (os.cpu_count() or 1) - 1)
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.port = 0
    wanted.api_keys = [order["api_key"]]
    wanted.ui = False
    return xllamacpp.Server(wanted)


if __name__ == "__main__":
    main()
