"""The order of rows on the screen: it must not move under a person's hand."""

from collections.abc import Sequence

HOLD_S = 3.0
"""How long the order stands still after a key or a click."""


def held_order(shown: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return `wanted` in the order that is shown; what is new comes last, what is gone leaves."""
    still_there, known = set(wanted), set(shown)
    kept = [run_id for run_id in shown if run_id in still_there]
    return kept + [run_id for run_id in wanted if run_id not in known]


def would_move(shown: Sequence[str], wanted: Sequence[str]) -> int:
    """Return how many rows have another place in the wanted order."""
    return sum(ours != theirs for ours, theirs in zip(shown, wanted, strict=False))
