"""How the demo is asked to end from outside."""

import asyncio
import signal
from collections.abc import Callable


def on_request(act: Callable[[], object]) -> None:
    """Call `act` when this process is told to end, so that the running loop ends in good order.

    A closed terminal must not leave drivers or a temporary folder behind.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever started us under nohup meant it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, act)
