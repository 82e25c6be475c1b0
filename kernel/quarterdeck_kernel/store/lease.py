"""Leases: who drives a run, and since which epoch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to drive a run. Every claim raises the epoch, which fences off earlier holders.

    `deadline_us` is on the clock that counts suspended time (`Clock.boot_us`). It is the deadline
    at the time of the claim; `EventStore.renew` moves it for all leases of a store at once.
    """

    run_id: str
    epoch: int
    holder: str
    deadline_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseStatus:
    """What can be known of a run's lease from outside. Epoch 0: never claimed."""

    run_id: str
    epoch: int
    holder: str | None
    live: bool
    host: str | None = None
    pid: int | None = None
