"""What needs somebody: items of the inbox, then runs that ended badly or that nobody drives."""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck.views.glimpse import Glimpse
from quarterdeck_kernel.vocabulary.words import Need

_RUNS: tuple[Need, ...] = ("failed", "timed_out", "adrift")


class NeedOf(NamedTuple):
    """A run that needs somebody; `item_id` is what of the inbox it is about, if it is there."""

    run_id: str
    item_id: str | None = None


def needs(glimpse: Glimpse) -> list[NeedOf]:
    """Return everything that needs somebody, the most pressing first."""
    items = [NeedOf(row.run_id, row.item_id) for row in glimpse.inbox]
    runs = [NeedOf(row.run_id) for need in _RUNS for row in glimpse.rows if row.need == need]
    return items + runs


def next_need(found: Sequence[NeedOf], here: NeedOf | None) -> NeedOf | None:
    """Return what comes after the one that is open; after the last comes the first."""
    if not found:
        return None
    if here not in found:
        return found[0]
    return found[(found.index(here) + 1) % len(found)]
