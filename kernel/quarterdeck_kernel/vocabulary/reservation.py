"""Reservations: what a call may cost, set aside before it is made."""

from typing import NamedTuple


class Reservation(NamedTuple):
    """What is set aside for one call, and on which accounts. A cost of None is one nobody knows.

    `day` is the day it is counted for, where that is not the day in UTC. Each account's name ends
    in the unit it counts.
    """

    micros: int | None = None
    tokens: int = 0
    accounts: tuple[str, ...] = ()
    day: str | None = None


NOTHING = Reservation()
"""Set aside for what costs nothing that is known, on no account."""
