"""Reading all runs of a fleet, page by page, while they change."""

from dataclasses import dataclass
from typing import cast

from quarterdeck.kernel_link.muster import PRESSING_ROWS, TURN_ROWS, Muster
from quarterdeck_kernel import EventStore
from quarterdeck_kernel.store.listing import Page
from quarterdeck_kernel.vocabulary.rows import FleetRow
from tests.app.frozen import row


@dataclass
class Shelf:
    """A store that only lists, in the order of its rows."""

    rows: list[FleetRow]

    async def fleet(self, *, after: str | None = None, limit: int) -> Page[FleetRow]:
        start = int(after or 0)
        found = tuple(self.rows[start : start + limit])
        more = start + limit < len(self.rows)
        return Page(found, str(start + limit) if more else None)

    def as_store(self) -> EventStore:
        return cast("EventStore", self)


def many(count: int) -> Shelf:
    return Shelf([row(f"run-{number:05}", "done") for number in range(count)])


async def test_a_small_fleet_is_read_at_one_look() -> None:
    muster, shelf = Muster(), many(3)
    found = await muster.look(shelf.as_store())
    assert (len(found.rows), found.more) == (3, False)
    del shelf.rows[0]
    assert [r.run_id for r in (await muster.look(shelf.as_store())).rows] == [
        "run-00001",
        "run-00002",
    ]


async def test_a_large_fleet_is_there_after_a_few_looks_in_the_order_of_the_store() -> None:
    count = PRESSING_ROWS + 2 * TURN_ROWS + 5
    muster, shelf = Muster(), many(count)
    looks = [await muster.look(shelf.as_store()) for _ in range(3)]
    assert [look.more for look in looks] == [True, True, False]
    assert [len(look.rows) for look in looks] == [600, 1_000, count]
    assert [r.run_id for r in looks[-1].rows] == [r.run_id for r in shelf.rows]
    # Nothing has changed: the very same rows, so that comparing them costs nothing.
    assert (await muster.look(shelf.as_store())).rows is looks[-1].rows


async def test_a_run_that_changes_its_place_is_never_lost_between_two_pages() -> None:
    muster, shelf = Muster(), many(PRESSING_ROWS + 3 * TURN_ROWS)
    while (await muster.look(shelf.as_store())).more:
        pass
    await muster.look(shelf.as_store())
    # It was among the first; now it is in a page that was read in this turn already.
    moved = shelf.rows.pop(0)._replace(head_seq=9)
    shelf.rows.insert(PRESSING_ROWS + 10, moved)
    for _ in range(8):
        found = await muster.look(shelf.as_store())
        assert len(found.rows) == len(shelf.rows)
    assert next(r for r in found.rows if r.run_id == moved.run_id).head_seq == 9


async def test_what_presses_is_first_at_the_next_look() -> None:
    muster, shelf = Muster(), many(PRESSING_ROWS + TURN_ROWS + 1)
    while (await muster.look(shelf.as_store())).more:
        pass
    late = shelf.rows.pop()
    urgent = late._replace(need="unknown", head_seq=5)
    shelf.rows.insert(0, urgent)
    assert (await muster.look(shelf.as_store())).rows[0] == urgent
