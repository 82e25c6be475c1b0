"""Ctrl+C and its kin: the first lets what is under way finish, the second stops it now."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopping(first: Callable[[], object], second: Callable[[], object]) -> Iterator[None]:
    """Call `first` when this process is told to end, and `second` each time after that."""
    loop, told = asyncio.get_running_loop(), False

    def on_signal() -> None:
        nonlocal told
        (second if told else first)()
        told = True

    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
