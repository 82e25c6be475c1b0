"""Reading a run as it was behind any of its events: state, conversation, files.

The state comes from the nearest snapshot or from one that was folded before; the conversation and
the files from rows and events that are found by their place. So no moment costs the history.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence

from quarterdeck_kernel.engine.log_reader import advanced, opened, rows_of, state_at
from quarterdeck_kernel.errors import NotFoundError
from quarterdeck_kernel.events.agent_events import ArtifactWritten, ContextCompacted
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.model_events import ModelCompleted
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled
from quarterdeck_kernel.projections.conversation import HELD
from quarterdeck_kernel.projections.moment import FileAt, Line, Moment
from quarterdeck_kernel.projections.rebuild import message_of, placeholder
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS, SNAPSHOT_EVERY
from quarterdeck_kernel.vocabulary.messages import Message

_STATES = 64
_HISTORIES = 4
_SPOKEN = ("model_completed", "tool_completed", "tool_reconciled")
_CHANGED = ("artifact_written",)


class Moments:
    """Moments of a store's runs; the last ones that were looked at are remembered.

    Whoever goes through a run event by event folds one event a step, not a snapshot's tail.
    """

    def __init__(self, store: EventStore) -> None:
        """Know none."""
        self._store = store
        self._states: OrderedDict[tuple[str, int], RunState] = OrderedDict()
        self._histories: OrderedDict[str, FileHistory] = OrderedDict()

    def known(self, run_id: str, seq: int) -> RunState | None:
        """Return a state that is remembered."""
        found = self._states.get((run_id, seq))
        if found is not None:
            self._states.move_to_end((run_id, seq))
        return found

    async def state(self, run_id: str, seq: int) -> RunState:
        """Return the state behind an event."""
        found = self.known(run_id, seq)
        if found is None:
            near = self._nearest(run_id, seq)
            if near is not None:
                found = await advanced(self._store, run_id, near, seq)
            else:
                found = await state_at(self._store, run_id, seq)
            if found.head_seq != seq:
                raise NotFoundError(
                    f"run {run_id!r} has no event #{seq}; name one from #1 to "
                    f"#{(await self._store.run(run_id)).head.seq}"
                )
            self._states[run_id, seq] = found
            while len(self._states) > _STATES:
                self._states.popitem(last=False)
        return found

    def _nearest(self, run_id: str, seq: int) -> RunState | None:
        """Return a state from which it is not further than from a snapshot."""
        before = [at for name, at in self._states if name == run_id and at <= seq]
        nearest = max(before, default=None)
        if nearest is None or nearest < seq - seq % SNAPSHOT_EVERY:
            return None
        return self._states[run_id, nearest]

    async def files(self, run_id: str, seq: int) -> dict[str, FileAt]:
        """Return the files that a run had changed by an event, as they were then."""
        history = self._histories.setdefault(run_id, FileHistory(run_id))
        self._histories.move_to_end(run_id)
        while len(self._histories) > _HISTORIES:
            self._histories.popitem(last=False)
        await history.read(self._store, seq)
        return history.at(seq)

    async def moment(self, run_id: str, seq: int) -> Moment:
        """Return all that panels show of a run behind an event."""
        state = await self.state(run_id, seq)
        return Moment(
            state=state,
            lines=await lines_at(self._store, run_id, state),
            files=await self.files(run_id, seq),
        )


class FileHistory:
    """Every change of a file by a run, as far as it was read: any moment follows from it."""

    def __init__(self, run_id: str) -> None:
        """Know nothing yet."""
        self._run_id = run_id
        self._read_to = 0
        self._seqs: list[int] = []
        self._changes: list[FileAt] = []

    async def read(self, store: EventStore, until: int) -> None:
        """Read on to an event; what was read is not read again."""
        while (after := self._read_to) < until:
            records = await store.read(self._run_id, after=after, until=until, kinds=_CHANGED)
            files = [_file_of(await opened(store, record)) for record in records]
            if self._read_to != after:
                continue  # somebody else has read it meanwhile
            known = [file for file in files if file is not None]
            self._seqs += [file.seq for file in known]
            self._changes += known
            self._read_to = records[-1].seq if len(records) == PAGE_ROWS else until

    def at(self, seq: int) -> dict[str, FileAt]:
        """Return the files as they were behind an event, by path."""
        by_then = self._changes[: bisect_right(self._seqs, seq)]
        return {file.path: file for file in by_then}


def _file_of(event: Event) -> FileAt | None:
    """Return what a file is behind an event; None where it was erased which."""
    payload = event.payload
    if not isinstance(payload, ArtifactWritten) or payload.path is None:
        return None
    return FileAt(payload.path, event.seq, payload.after_sha256, payload.after, payload.size)


async def file_content(store: EventStore, file: FileAt) -> bytes | None:
    """Return what a file held at a moment; None where it was not there."""
    if file.sha256 is None:
        return None
    if file.ref is None:
        raise NotFoundError(f"what {file.path!r} held behind event #{file.seq} was not kept")
    return await store.blob(file.ref)


async def lines_at(store: EventStore, run_id: str, state: RunState) -> tuple[Line, ...]:
    """Return the conversation as it stood in a state: the newest list, and what came since."""
    last = state.conversation.last
    if last is None:
        return ()
    rows = await rows_of(store, run_id, last)
    start = last.seq
    (record,) = await store.read(run_id, after=start - 1, until=start, payloads=False)
    payload = open_record(record, facts_only=True).payload
    if isinstance(payload, ContextCompacted) and payload.context.base is not None:
        # Shortened was what had been sent; what had come since stands behind the summary.
        start = payload.context.base
    lines = [Line(row.seq, row.part, row.digest) for row in rows]
    answers = await _answers(store, run_id, start, state.head_seq)
    unheard = [said for said in state.messages.values() if said.carried_by is None]
    answers |= {said.seq: Line(said.seq, HELD, said.digest or "") for said in unheard}
    return (*lines, *(answers[seq] for seq in sorted(answers)))


async def _answers(store: EventStore, run_id: str, start: int, until: int) -> dict[int, Line]:
    """Return what the model and tools said behind request `start`, by event.

    Of the tries of one call the newest counts, as it does for the model.
    """
    found: dict[int, Line] = {}
    by_call: dict[str, int] = {}
    records = await store.read(run_id, after=start, until=until, kinds=_SPOKEN, payloads=False)
    for record in records:
        payload = open_record(record, facts_only=True).payload
        digest = getattr(payload, "message_digest", None)
        match payload:
            case ModelCompleted(request_seq=seq) if seq != start:
                continue
            case ToolCompleted(call_id=str(call_id)) | ToolReconciled(call_id=str(call_id)):
                if digest is not None:
                    found.pop(by_call.get(call_id, 0), None)
                    by_call[call_id] = record.seq
            case ToolCompleted() | ToolReconciled():
                continue
            case _:
                pass
        if digest is not None:
            found[record.seq] = Line(record.seq, HELD, digest)
    return found


async def messages_of(store: EventStore, run_id: str, lines: Sequence[Line]) -> list[Message]:
    """Return what some lines of a conversation say; what was erased is shown as erased."""
    events: dict[int, Event] = {}
    for seq in sorted({line.seq for line in lines}):
        (record,) = await store.read(run_id, after=seq - 1, until=seq, limit=1)
        events[seq] = await opened(store, record)
    return [
        placeholder(events[line.seq])
        if events[line.seq].content == "erased"
        else message_of(events[line.seq], line.part)
        for line in lines
    ]
