"""How far a command is, on the terminal of who waits for it; and how it is told to stop."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from quarterdeck.cli.ending import ExitCode, fail
from quarterdeck.cli.stopping import stopping

if TYPE_CHECKING:
    from quarterdeck_kernel.store.verdict import Progress

T = TypeVar("T")

_EVERY_S = 0.1
_TO_THE_END = "\x1b[K"


@contextmanager
def progress_line(doing: str) -> "Iterator[Callable[[Progress], None] | None]":
    """Show a line that says how far it is, where somebody looks at one; it goes in the end."""
    if not sys.stderr.isatty():
        yield None
        return
    shown_s = 0.0

    def tell(far: "Progress") -> None:
        nonlocal shown_s
        now_s = time.monotonic()
        if now_s - shown_s >= _EVERY_S:
            shown_s = now_s
            line = f"{doing} · {far.events:,} of {far.of:,} · Ctrl+C stops it"
            click.echo(f"\r{line}{_TO_THE_END}", nl=False, err=True)

    try:
        yield tell
    finally:
        if shown_s:
            click.echo(f"\r{_TO_THE_END}", nl=False, err=True)


async def until_stopped(work: Awaitable[T]) -> T:
    """Return what work comes to; told to end, it is cancelled once, and cleans up in peace."""
    doing = asyncio.ensure_future(work)
    with stopping(doing.cancel, lambda: None):
        return await doing


@contextmanager
def stopped_with(message: str) -> Iterator[None]:
    """Say what stopped work leaves, in a sentence."""
    try:
        yield
    except (asyncio.CancelledError, KeyboardInterrupt):
        fail(f"stopped: {message}", ExitCode.FAILED)
