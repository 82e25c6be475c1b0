"""A workspace that stands still: what screens are drawn from in tests."""

import asyncio
from dataclasses import replace
from pathlib import Path

from quarterdeck.views.books import Grouping, LedgerPage, Span
from quarterdeck.views.crew import Crew, GrantOf
from quarterdeck.views.glimpse import Glimpse, SpentToday
from quarterdeck.views.log_line import LogLine
from quarterdeck.views.log_lines import gist, log_lines
from quarterdeck.views.past import Between, FileDiff, FileSeen, MomentPage, Restoration, Said
from quarterdeck.views.sought import Sought
from quarterdeck.views.timeline import OPENED, Survey, rank_of
from quarterdeck.views.troubles import Troubles
from quarterdeck.views.work import Tell, Work
from quarterdeck_kernel import Bookmark, Comparison, ForkChanges, ForkPlan, RunState
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.run_events import RunFailed, RunQueued, RunStarted, RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.projections.panels import changed, panels
from quarterdeck_kernel.projections.run_state import empty, fold
from quarterdeck_kernel.testing.fake_clock import FakeClock
from quarterdeck_kernel.testing.logs import LogBuilder
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow
from quarterdeck_kernel.vocabulary.words import Effect, Mode, Need, NeedRank, Status
from tests.app.recorded_commands import RecordedCommands

NOW_US = FakeClock().now_us() + 95_000_000
HOSTILE = "load [red]ledger[/x] \x1b[2J\u202egnp.exe\r\n"


def asked(tool: str, argument: str, effect: Effect = "read", attempt: int = 1) -> ToolRequested:
    return ToolRequested(
        step_key=f"{tool}/{argument}",
        tool=tool,
        version="1",
        effect=effect,
        idempotency_key="key-1",
        digest="d" * 64,
        attempt=attempt,
        arguments={"path": argument},
        preview=None,
    )


def succeeded(intent_seq: int, lines: int = 7) -> ToolCompleted:
    return ToolCompleted(
        intent_seq=intent_seq,
        outcome="success",
        duration_us=1_250_000,
        result={"lines": lines},
        error=None,
    )


def unknown(intent_seq: int) -> ToolCompleted:
    return ToolCompleted(
        intent_seq=intent_seq,
        outcome="unknown_outcome",
        cause="driver_died",
        result=None,
        error="the driver died",
    )


def events_of(agent: str, objective: str, *payloads: Payload) -> list[Event]:
    clock = FakeClock()
    builder = LogBuilder(agent, agent=agent, clock=clock, seed=1)
    first = (
        RunQueued(agent=agent, objective=objective, config={}),
        RunStarted(holder="holder-1", kernel_version="0.1.0"),
    )
    builder.accept(builder.create(*first))
    for payload in payloads:
        clock.advance(2_000_000)
        builder.accept(builder.drive(1, payload))
    # Salts are random, so hashes are: a picture must not depend on them.
    return [
        open_record(record._replace(hash=bytes(32)))._replace(prev=bytes(32).hex())
        for record in builder.records
    ]


def row(
    agent: str,
    need: Need,
    *,
    objective: str = "count barrels",
    waits_for: str | None = None,
    status: Status = "running",
    age_s: int = 5,
    mode: Mode = "execute",
    head_seq: int = 4,
) -> FleetRow:
    return FleetRow(
        run_id=agent,
        tenant="demo",
        agent=agent,
        objective=objective,
        status=status,
        need=need,
        rank=NeedRank[need.upper()],
        sort_us=0,
        waits_for=waits_for,
        mode=mode,
        cost_micros=123_456 if need == "running" else 0,
        created_us=NOW_US - 90_000_000,
        changed_us=NOW_US - age_s * 1_000_000,
        head_seq=head_seq,
    )


def item(run_id: str, title: str, seq: int) -> InboxRow:
    return InboxRow(
        run_id=run_id,
        item_id=f"unknown:{seq}",
        kind="unknown",
        tenant="demo",
        agent=run_id,
        title=title,
        seq=seq,
        since_us=NOW_US,
    )


class FrozenPast:
    """Implements `views.past.Past`: moments of the logs there are, and what a test lays down."""

    def __init__(self, source: "FrozenSource") -> None:
        self._source = source
        self.asked: list[tuple[object, ...]] = []
        self.marks: list[Bookmark] = []
        self.files: tuple[FileSeen, ...] = ()
        self.changed: tuple[FileDiff, ...] = ()
        self.plans: dict[int, ForkPlan] = {}
        self.changed_outside = False
        self.slow: asyncio.Event | None = None
        self.refuse: Exception | None = None
        self.compared: Comparison | None = None

    def bookmarks(self, run_id: str) -> tuple[Bookmark, ...]:
        return tuple(sorted((m for m in self.marks if m.run_id == run_id), key=lambda m: m.seq))

    def _said(self, run_id: str, seq: int) -> tuple[Said, ...]:
        found = []
        for event in self._source.events[run_id][:seq]:
            payload = event.payload
            if isinstance(payload, ModelRequested):
                found += [Said(event.seq, m.role, m.text) for m in payload.new_messages or ()]
            elif isinstance(payload, ModelCompleted) and payload.message is not None:
                said = payload.message
                tools = tuple(call.tool for call in said.tool_calls)
                found.append(Said(event.seq, said.role, said.text, tools))
        return tuple(found)

    def page(self, run_id: str, seq: int) -> MomentPage | None:
        files = tuple(file for file in self.files if file.seq <= seq)
        return MomentPage(seq, 0, self._said(run_id, seq), files)

    async def between(self, run_id: str, before: int, after: int) -> Between:
        states = [self._source.state(run_id, seq) for seq in (before, after)]
        old, new = states
        assert old is not None
        assert new is not None
        had, said = self._said(run_id, before), self._said(run_id, after)
        return Between(
            before=before,
            after=after,
            values=changed(panels(old), panels(new)),
            common=len(had),
            gone=(),
            said=said[len(had) :],
            files=self.changed,
        )

    async def plan(self, run_id: str, seq: int, changes: ForkChanges) -> ForkPlan:
        self.asked.append(("plan", run_id, seq, *changes.names))
        if self.slow is not None:
            await self.slow.wait()
        if self.refuse is not None:
            raise self.refuse
        plan = self.plans[seq]
        barred = tuple(one for one in plan.ahead if one.name in changes.tools)
        ahead = tuple(one for one in plan.ahead if one not in barred)
        return replace(plan, changed=changes.names, ahead=ahead, barred=barred)

    async def compare(self, a_run_id: str, b_run_id: str) -> Comparison:
        self.asked.append(("compare", a_run_id, b_run_id))
        assert self.compared is not None
        return self.compared

    async def bookmark(self, run_id: str, seq: int, note: str) -> None:
        self.asked.append(("bookmark", run_id, seq, note))
        self.marks.append(bookmark(run_id, seq, note))

    async def drop_bookmark(self, mark: Bookmark) -> None:
        self.asked.append(("drop", mark.bookmark_id))
        self.marks.remove(mark)

    async def fork(self, run_id: str, seq: int, changes: ForkChanges) -> str:
        self.asked.append(("fork", run_id, seq, changes))
        return "fork-1"

    async def merge(self, fork_id: str) -> str:
        self.asked.append(("merge", fork_id))
        return "its answer"

    async def restoration(self, run_id: str, seq: int, path: str) -> Restoration:
        self.asked.append(("look", run_id, seq, path))
        return Restoration(path, 35, 82, 70, self.changed_outside, same=False, diff="-b\n+a\n")

    async def restore(self, run_id: str, seq: int, path: str, *, anyway: bool) -> int | None:
        self.asked.append(("restore", run_id, seq, path, anyway))
        return 99

    async def export(
        self, run_id: str, target: Path, *, forks: bool, children: bool, tell: Tell
    ) -> str:
        self.asked.append(("export", run_id, target, forks, children))
        tell(48, 48)
        return "1 run"


def bookmark(run_id: str, seq: int, note: str) -> Bookmark:
    return Bookmark(
        bookmark_id=f"b{seq}",
        run_id=run_id,
        seq=seq,
        note=note,
        actor=Actor(kind="operator", name="ada"),
        at_us=NOW_US,
    )


class FrozenSource:
    """Implements `views.glimpse.Source`; a test changes it by hand."""

    def __init__(self, glimpse: Glimpse, logs: dict[str, list[Event]] | None = None) -> None:
        self.revision = 1
        self.shown = glimpse
        self.events = logs or {}
        self.lines = {run_id: log_lines(events) for run_id, events in self.events.items()}
        self.commands = RecordedCommands()
        self.past = FrozenPast(self)
        self.troubles = Troubles(self.now_us)
        self.crew_shown = Crew(loaded=True)
        self.grants_shown: tuple[GrantOf, ...] | None = ()
        self.pages: dict[str, LedgerPage] = {}
        self.spent: SpentToday | None = SpentToday(4_120_000, limit_micros=20_000_000)

    def glimpse(self) -> Glimpse:
        return self.shown

    def line(self, run_id: str, seq: int) -> LogLine | None:
        lines = self.lines.get(run_id, [])
        return lines[seq - 1] if seq <= len(lines) else None

    def gist(self, run_id: str, seq: int) -> str | None:
        event = self.event(run_id, seq)
        if event is None:
            return None
        of = event.payload.intent_seq if isinstance(event.payload, ToolCompleted) else seq
        intent = self.events[run_id][of - 1].payload
        return gist(event, intent=intent if isinstance(intent, ToolRequested) else None)

    def spent_today(self) -> SpentToday | None:
        return self.spent

    def event(self, run_id: str, seq: int) -> Event | None:
        events = self.events.get(run_id, [])
        return events[seq - 1] if seq <= len(events) else None

    def state(self, run_id: str, seq: int) -> RunState | None:
        events = self.events.get(run_id, [])
        return fold(empty(), events[:seq]) if 0 < seq <= len(events) else None

    def survey(self, run_id: str) -> Survey:
        survey = Survey()
        for event in self.events.get(run_id, []):
            survey.add(event.at_us, rank_of(event.kind, event if event.kind in OPENED else None))
        return survey

    async def read_survey(self, run_id: str, work: Work) -> None:
        work.tell(self.survey(run_id).known)

    async def seek(self, run_id: str, sought: Sought, work: Work) -> int | None:
        work.tell(0)
        events = self.events[run_id]
        if sought.what == "time":
            return max((e.seq for e in events if e.at_us <= sought.at_us), default=1)
        if sought.what == "text":
            said = [line.seq for line in self.lines[run_id] if sought.text in line.text]
        else:
            kinds = sought.kinds or frozenset()
            said = [event.seq for event in events if event.kind in kinds and sought.fits(event)]
        if sought.step > 0:
            return next((seq for seq in said if seq > sought.start), None)
        return next((seq for seq in reversed(said) if seq < sought.start), None)

    def ledger(self, grouping: Grouping, span: Span) -> LedgerPage | None:
        page = self.pages.get(grouping, LedgerPage(grouping=grouping, span=span))
        return replace(page, grouping=grouping, span=span)

    def crew(self) -> Crew:
        return self.crew_shown

    def grants(self) -> tuple[GrantOf, ...] | None:
        return self.grants_shown

    def now_us(self) -> int:
        return NOW_US

    def change(self, glimpse: Glimpse) -> None:
        self.shown = glimpse
        self.revision += 1


def logs() -> dict[str, list[Event]]:
    steps: list[Payload] = []
    for number in range(40):
        path = f"library/module_{number}.py"
        steps += [asked("count_lines", path), succeeded(2 * number + 3, lines=number * 17)]
    pause = PauseRequested(
        pause_id="pause-1",
        type="approve",
        step_key="delete/logs",
        tool="delete",
        title="delete 6 stale logs",
        details={"paths": ["logs/2023-11.log", "logs/2024-02.log"]},
        options=None,
    )
    failure = RunFailed(error="tool", message="line 3 has no amount", partial_answer=None)
    return {
        "payments": events_of(
            "payments", "settle 5 invoices", asked("pay", "8843", "once"), unknown(3)
        ),
        "cleaner": events_of("cleaner", "tidy up stale logs", pause),
        "importer": events_of("importer", HOSTILE, failure),
        "archivist": events_of("archivist", "pack", Held(by="budget", reason="12 of 12 are used")),
        "surveyor": events_of("surveyor", "count lines", *steps),
        "scribe": events_of("scribe", "write 4 reports", RunSucceeded(answer={"reports": 4})),
    }


def fleet() -> FrozenSource:
    events = logs()
    sizes = {run_id: len(lines) for run_id, lines in events.items()}
    rows = (
        row("payments", "unknown", objective="settle 5 invoices of the dockyard",
            waits_for="verdict on pay", mode="explore", head_seq=sizes["payments"]),
        row("cleaner", "waiting", objective="tidy up stale logs", waits_for="approve delete",
            mode="ask_human", age_s=61, head_seq=sizes["cleaner"]),
        row("importer", "failed", objective=HOSTILE, waits_for="acknowledge", status="failed",
            mode="sleep", head_seq=sizes["importer"]),
        row("drifter", "adrift", objective="chart the 7 seas 海図を描く", age_s=7_300, head_seq=0),
        row("archivist", "held", objective="pack the email package, within 12 tool calls",
            waits_for="release by budget", mode="verify", head_seq=sizes["archivist"]),
        row("surveyor", "running", objective="count the lines of the standard library",
            age_s=0, head_seq=sizes["surveyor"]),
        row("waiter", "queued", objective="wait for a place", status="queued", head_seq=0),
        row("scribe", "done", objective="write a report on 4 packages", status="succeeded",
            mode="sleep", head_seq=sizes["scribe"]),
    )  # fmt: skip
    inbox = (item("payments", "pay: sent, no answer", 3), item("cleaner", "delete 6 logs", 3))
    glimpse = Glimpse(rows=rows, inbox=inbox, position=482, link="9c1f77ab" * 8, loaded=True)
    return FrozenSource(glimpse, events)
