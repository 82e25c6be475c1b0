"""Work in a thread that is seen to its end, even by who is told to stop meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` comes to, done beside the loop.

    A thread cannot be stopped: who is cancelled waits for it, and does not close its file under it.
    """
    doing = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    finally:
        await asyncio.wait([doing])
