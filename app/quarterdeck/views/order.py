"""The order of rows on the screen: it must not move under a person's hand."""

from collections.abc import Sequence
from typing import TypeVar

HOLD_S = 3.0
"""How long the order stands still after a key or a click."""


Id = TypeVar("Id", str, tuple[str, str])


def held_order(shown: Sequence[Id], wanted: Sequence[Id], *, gone_stay: bool = False) -> list[Id]:
    """Return `wanted` in the order that is shown; what is new comes last, what is gone leaves.

    Where what is gone stays, nothing moves up under a hand.
    """
    still_there, known = set(wanted), set(shown)
    kept = [name for name in shown if gone_stay or name in still_there]
    return kept + [name for name in wanted if name not in known]


def would_move(shown: Sequence[Id], wanted: Sequence[Id]) -> int:
    """Return how many rows have another place in the wanted order."""
    return sum(ours != theirs for ours, theirs in zip(shown, wanted, strict=False))
