"""How a server fares, as a person is shown it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether a server can be used now; since when not, and why.

    `since_us` is when it was connected, or began to fail. `left_out` are tools that cannot be used,
    each with the reason.
    """

    server: str
    connected: bool = False
    since_us: int | None = None
    failures: int = 0
    last_error: str | None = None
    tools: int = 0
    left_out: tuple[str, ...] = ()
