"""What rows of many runs say of single events, and what the header says was spent today."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from quarterdeck.kernel_link import gists
from quarterdeck.kernel_link.gists import Gists
from quarterdeck.kernel_link.spending import Spending
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views import headline
from quarterdeck.views.fleet_rows import placed, row_cells
from quarterdeck.views.glimpse import Glimpse, SpentToday
from quarterdeck.views.zone import Now
from quarterdeck_kernel import EventStore
from quarterdeck_kernel.errors import StoreCorruptError
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.record import Record
from quarterdeck_kernel.store.listing import LedgerFilter, LedgerLine
from quarterdeck_kernel.testing.logs import LogBuilder, queued, started
from quarterdeck_kernel.vocabulary.budgets import NO_BUDGETS, BudgetLimit, Budgets
from quarterdeck_kernel.vocabulary.rows import LedgerRow
from tests.app.frozen import NOW_US, asked, row, succeeded, unknown
from tests.app.test_kernel_link import count, linked, until

TODAY = "2026-11-22"
PAUSE = PauseRequested(
    pause_id="pause-1",
    type="approve",
    step_key="step-1",
    tool="shell",
    digest="d" * 64,
    title="a command may delete anything",
    details={"arguments": {"timeout_s": 60, "command": "rm -v -- \\\n  old.log \\\n  older.log"}},
    options=None,
)
EDIT = PauseResolved(
    pause_id="pause-1",
    decision="edited",
    closes=False,
    answer={"command": "rm -v -- old.log"},
    reason=None,
)


@dataclass
class Shelf:
    """A store that holds one log, and counts how often it is read."""

    records: list[Record]
    ledgers: list[LedgerRow] = field(default_factory=list)
    reads: int = 0
    broken: bool = False

    async def read(
        self, run_id: str, *, after: int, until: int, kinds: Collection[str] | None = None
    ) -> list[Record]:
        self.reads += 1
        if self.broken:
            raise StoreCorruptError(f"{run_id} is torn")
        found = self.records[after:until]
        return [record for record in found if kinds is None or record.kind in kinds]

    async def ledger(self, where: LedgerFilter) -> list[LedgerLine]:
        self.reads += 1
        assert where.since is not None
        return [LedgerLine("", one) for one in self.ledgers if one.day >= where.since]

    def as_store(self) -> EventStore:
        return cast("EventStore", self)


def shelf(*payloads: Payload) -> Shelf:
    builder = LogBuilder("run-1")
    builder.accept(builder.create(queued(), started()))
    for payload in payloads:
        people = isinstance(payload, PauseResolved)
        builder.accept(builder.operate(payload) if people else builder.drive(1, payload))
    return Shelf(builder.records)


def at(head: int) -> Glimpse:
    one = row("a", "running", head_seq=head)._replace(run_id="run-1")
    return Glimpse(rows=(one,), loaded=True)


async def read(known: Gists, store: Shelf, seq: int, head: int) -> str | None:
    assert known.gist(at(head), "run-1", seq) is None or head > seq
    await known.read_next(store.as_store())
    return known.gist(at(head), "run-1", seq)


async def test_a_call_that_waits_is_told_before_the_reason_why_it_does() -> None:
    said = await read(Gists(), shelf(PAUSE), 3, 3)
    assert said == (
        "shell rm -v -- ↵ old.log ↵ older.log · timeout_s 60 · a command may delete anything"
    )


async def test_what_people_edited_is_told_in_the_place_of_what_was_asked() -> None:
    known, store = Gists(), shelf(PAUSE, EDIT)
    assert "older.log" in (await read(known, store, 3, 3) or "")
    assert "older.log" in (known.gist(at(4), "run-1", 3) or "")
    said = await read(known, store, 3, 4)
    assert said == "shell rm -v -- old.log · a command may delete anything"


async def test_a_question_says_what_is_asked() -> None:
    question = PAUSE.model_copy(update={"tool": None, "title": "Who has quay 2?", "details": None})
    assert await read(Gists(), shelf(question), 3, 3) == "Who has quay 2?"


async def test_an_outcome_says_of_which_call_it_is_and_the_state_is_not_said_twice() -> None:
    store = shelf(asked("pay", "8843", "once"), unknown(3), asked("read", "a.txt"), succeeded(5))
    assert await read(Gists(), store, 6, 6) == "tool ok: read a.txt"
    said = await read(Gists(), store, 4, 4)
    assert said == "unknown: pay 8843"
    one = row("payments", "unknown", head_seq=4)
    cells = row_cells(one, placed(160), Now(NOW_US), preview=said or "")
    assert "pay 8843" in [cell.strip() for cell in cells]


async def test_what_cannot_be_read_says_so_and_nothing_else_suffers() -> None:
    store = shelf(PAUSE)
    store.broken = True
    assert await read(Gists(), store, 3, 3) == "cannot be read"


async def test_what_was_read_is_not_read_again_and_wishes_are_bounded() -> None:
    known, store = Gists(), shelf(PAUSE)
    await read(known, store, 3, 3)
    reads = store.reads
    for _ in range(5):
        known.gist(at(3), "run-1", 3)
    assert not known._wishes
    for number in range(1_000):
        known.gist(Glimpse(), f"run-{number}", 1)
    assert len(known._wishes) == gists._AT_ONCE
    assert store.reads == reads


async def test_a_row_on_the_screen_gets_its_gist_from_a_real_store(tmp_path: Path) -> None:
    from quarterdeck_kernel import Kernel, tool_of

    workspace = Workspace(tmp_path / "w")
    workspace.files.mkdir(parents=True)
    async with await Kernel.open(workspace.folder, tools=[tool_of(count)]) as kernel:
        run = await kernel.start_run(agent="a", run_id="a")
        await kernel.step_tool(run=run, step_key="1", tool="count", arguments={"text": "four"})
    async with linked(workspace.folder) as link:
        await until(lambda: link.glimpse().rows)
        head = link.glimpse().rows[0].head_seq
        await until(lambda: link.gist("a", head) == "tool ok: count four")
        await until(lambda: link.spent_today() is not None)
        assert headline.spent(link.spent_today()) == ""


# -- the spend of the day


def spent_row(day: str, micros: int, *, unknown_costs: int = 0) -> LedgerRow:
    return LedgerRow(day, "model", "m", "t", "", "a", micros, unknown_costs)


async def test_the_spend_of_the_day_is_of_today_and_read_once_for_a_position() -> None:
    store = Shelf([], [spent_row("2026-11-21", 5), spent_row(TODAY, 4_120_000)])
    spending = Spending()
    limits = Budgets(
        limits=(
            BudgetLimit(scope="tenant", period="day", limit=1),
            BudgetLimit(scope="workspace", period="day", limit=20_000_000),
        )
    )
    assert spending.today(7, TODAY) is None
    await spending.read_next(store.as_store(), lambda: limits)
    today = spending.today(7, TODAY)
    assert today == SpentToday(4_120_000, limit_micros=20_000_000)
    assert not spending._wished.is_set()
    assert headline.spent(today) == "$4.12/20 day"
    # What is behind is shown until the next is there, but never on another day.
    assert spending.today(8, TODAY) == today
    assert spending.today(8, "2026-11-23") is None


async def test_where_no_budget_bounds_the_day_only_what_was_spent_is_said() -> None:
    store = Shelf([], [spent_row(TODAY, 450_000, unknown_costs=1)])
    spending = Spending()
    spending.today(7, TODAY)
    await spending.read_next(store.as_store(), lambda: NO_BUDGETS)
    assert headline.spent(spending.today(7, TODAY)) == "≥$0.45 today"


@pytest.mark.parametrize(
    ("micros", "limit", "near"), [(79, 100, False), (80, 100, True), (9, None, False), (1, 0, True)]
)
def test_most_of_the_day_being_spent_is_shown(micros: int, limit: int | None, near: bool) -> None:  # noqa: FBT001 - of the table
    assert headline.near_its_bound(SpentToday(micros, limit_micros=limit)) is near


def test_nothing_is_said_where_nothing_is_spent_nor_bound() -> None:
    assert headline.spent(None) == headline.spent(SpentToday(0)) == ""
