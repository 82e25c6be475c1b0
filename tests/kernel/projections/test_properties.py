"""What holds for every run: random legal logs, cut, stored and folded in every way."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck_kernel.events.run_events import RunStarted
from quarterdeck_kernel.projections.conversation import base_needed, context_of, spans
from quarterdeck_kernel.projections.fleet import fleet_row
from quarterdeck_kernel.projections.inbox import inbox_changes, inbox_rows
from quarterdeck_kernel.projections.rebuild import rebuild
from quarterdeck_kernel.projections.rows import conversation_rows, projection_rows
from quarterdeck_kernel.projections.run_state import CONTENT_KINDS, RunState, empty, fold
from quarterdeck_kernel.projections.threads import extends, place_of, prefix_length
from quarterdeck_kernel.vocabulary.limits import TRACKED_THREADS
from quarterdeck_kernel.vocabulary.messages import Context
from quarterdeck_kernel.vocabulary.rows import ContextRow, InboxRow
from tests.kernel.projections.log import Log
from tests.kernel.projections.random_run import RandomRun

SEEDS = st.integers(0, 2**32)


@settings(max_examples=60)
@given(SEEDS, st.data())
def test_fold_equals_fold_from_any_snapshot(seed: int, data: st.DataObject) -> None:
    log = RandomRun(seed, may_end=True).go(80)
    cut = data.draw(st.integers(0, len(log.events)))
    whole = fold(empty(), log.events)
    assert whole == log.state
    prefix = fold(empty(), log.events[:cut])
    stored = prefix.dump()
    loaded = RunState.load(stored)
    assert loaded == prefix
    assert loaded.dump() == stored
    assert fold(loaded, log.events[cut:]) == whole
    assert fold(loaded, log.events[cut:]).dump() == whole.dump()
    assert prefix.dump() == stored, "folding changed the state it was given"


@settings(max_examples=30)
@given(SEEDS)
def test_what_is_read_back_folds_to_the_same(seed: int) -> None:
    log = RandomRun(seed, may_end=True).go(80)
    assert fold(empty(), log.read()) == log.state
    pairs = zip(log.facts(), log.read(), strict=True)
    mixed = [whole if whole.kind in CONTENT_KINDS else facts for facts, whole in pairs]
    assert fold(empty(), mixed) == log.state


def test_random_runs_reach_every_kind_of_move() -> None:
    kinds: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    for seed in range(40):
        log = RandomRun(seed, may_end=seed % 2 == 0).go(120)
        kinds.update(event.kind for event in log.events)
        contexts = [context for event in log.events if (context := context_of(event)) is not None]
        shapes.update(shape(context) for context in contexts)
    expected = {"tool_reconciled", "pause_expired", "context_compacted", "grant_given"}
    expected |= {"tool_evidence", "run_succeeded", "run_failed", "child_finished", "released"}
    assert expected <= set(kinds)
    assert kinds["model_requested"] > 200
    assert min(shapes[name] for name in ("new", "copied", "extended", "branched")) > 20
    assert shapes["branched from a branch"] > 0


def shape(context: Context) -> str:
    if context.base is None:
        return "new"
    if context.thread is None:
        return "copied"
    if extends(context):
        return "extended"
    return "branched" if context.shared == prefix_length(context) else "branched from a branch"


def test_a_state_does_not_grow_with_its_run() -> None:
    run = RandomRun(7)
    sizes = [len(run.go(length).state.dump()) for length in range(200, 2_001, 200)]
    assert len(run.log.events) == 2_000
    assert len(run.log.state.conversation.threads) <= TRACKED_THREADS
    assert max(sizes) < 12_000
    assert max(sizes[5:]) < 2 * max(sizes[:5])


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 7))
def test_inbox_changes_add_up_to_what_is_open(seed: int, batch: int) -> None:
    log = RandomRun(seed, may_end=True).go(100)
    state, items = empty(), dict[str, InboxRow]()
    for start in range(0, len(log.events), batch):
        after = fold(state, log.events[start : start + batch])
        opened, closed = inbox_changes(state, after)
        for item in closed:
            del items[item]
        items |= {row.item_id: row for row in opened}
        state = after
    assert items == {row.item_id: row for row in inbox_rows(log.state)}


@settings(max_examples=40)
@given(SEEDS)
def test_the_place_in_the_fleet_moves_only_with_the_need(seed: int) -> None:
    log = RandomRun(seed).go(100)
    state = fold(empty(), log.events[:1])
    for event in log.events[1:]:
        before, state = state, fold(state, [event])
        if not (before.blocked or state.blocked):
            assert fleet_row(before).sort_us == fleet_row(state).sort_us


class Table:
    """The keyset table of a store: rows of a run and, for a fork, of what it shares."""

    def __init__(self, parent: "Table | None" = None, fork_seq: int = 0) -> None:
        self.rows: dict[tuple[int, int], ContextRow] = {}
        self.parent, self.fork_seq = parent, fork_seq

    def get(self, thread: int, place: int) -> ContextRow:
        if self.parent is not None and thread <= self.fork_seq:
            return self.parent.get(thread, place)
        return self.rows[thread, place]

    def follow(self, log: Log, start: int) -> None:
        """Write the rows of all events from `start` on, as a journal would."""
        state = fold(empty(), log.events[:start])
        for event in log.events[start:]:
            context = context_of(event)
            base_rows: list[ContextRow] = []
            needed = base_needed(state, context) if context is not None else None
            if needed is not None:
                base = context_of(log.events[needed.seq - 1])
                assert base is not None
                place = place_of(needed.seq, base)
                assert needed.place in {None, place}
                for span in spans(place, needed.start, needed.stop):
                    base_rows += [self.get(span.thread, p) for p in range(span.start, span.stop)]
            for row in conversation_rows([event], {needed.seq: base_rows} if needed else {}):
                assert (row.thread, row.place) not in self.rows, "a row was written twice"
                self.rows[row.thread, row.place] = row
            state = fold(state, [event])

    def list_of(self, log: Log, seq: int) -> list[ContextRow]:
        context = context_of(log.events[seq - 1])
        assert context is not None
        return [
            self.get(span.thread, place)
            for span in spans(place_of(seq, context))
            for place in range(span.start, span.stop)
        ]


def check_lists(run: RandomRun, log: Log, table: Table) -> None:
    events = {event.seq: event for event in log.read()}
    for seq, messages in run.lists.items():
        if seq > len(log.events):
            continue
        context = context_of(events[seq])
        assert context is not None
        rebuilt = rebuild(seq, context, table.list_of(log, seq), events)
        assert list(rebuilt.messages) == messages
        assert rebuilt.erased == ()


@settings(max_examples=60)
@given(SEEDS)
def test_conversations_are_rebuilt_from_rows(seed: int) -> None:
    run = RandomRun(seed)
    log = run.go(120)
    table = Table()
    table.follow(log, 0)
    check_lists(run, log, table)


@settings(max_examples=40)
@given(SEEDS, st.data())
def test_conversations_of_a_fork_and_its_parent_are_rebuilt(seed: int, data: st.DataObject) -> None:
    run = RandomRun(seed)
    parent = run.go(60)
    cut = data.draw(st.integers(2, len(parent.events)))
    twin = RandomRun(seed)
    twin.log = parent.fork(cut)
    twin.bases = {seq: base for seq, base in run.bases.items() if seq <= cut}
    twin.lists = {seq: messages for seq, messages in run.lists.items() if seq <= cut}
    twin.log.add(RunStarted(holder="h", kernel_version="1"))
    child = twin.go(cut + 60)
    parent = run.go(90)
    table = Table()
    table.follow(parent, 0)
    check_lists(run, parent, table)
    forked = Table(table, cut)
    forked.follow(child, cut)
    check_lists(twin, child, forked)


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 9))
def test_rows_of_batches_equal_rows_of_single_events(seed: int, batch: int) -> None:
    log = RandomRun(seed).go(80)

    def steps(size: int) -> dict[str, tuple[int, int | None]]:
        state, found = empty(), dict[str, tuple[int, int | None]]()
        for start in range(0, len(log.events), size):
            events = log.events[start : start + size]
            after = fold(state, events)
            without = [event for event in events if context_of(event) is None]
            rows = projection_rows(state, after, without)
            found |= {r.step_key: (r.requested_seq, r.completed_seq) for r in rows.steps}
            state = after
        return found

    assert steps(batch) == steps(1)
