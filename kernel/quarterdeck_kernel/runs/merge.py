"""Merging a fork: what came of it becomes events of the run it was forked from.

A fork is merged once it has ended, so that what was merged can never become another. The target
is told of the answer as of anything a person says, and of the files by what they hold now.
"""

import json
from collections.abc import Sequence

from pydantic import JsonValue

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.moments import Moments
from quarterdeck_kernel.errors import ConflictError, InvalidError
from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.events.run_events import ForkMerged, RunSucceeded
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.moment import FileChanged, difference
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.say import message_said
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.limits import BATCH_EVENTS, PAGE_ROWS

_TOLD_CHARS = 20_000
"""Characters of the answer that the target's agent is told; the whole stands in the event."""


async def merge(store: EventStore, fork: Journal, target: Journal, *, actor: Actor) -> Event:
    """Bring the content of a fork into the run it was forked from; return the event of that."""
    state = await fork.refresh()
    answer = await _answer(store, state)
    await _check_is_new(store, target, fork.run_id)
    files = await _files(store, state)
    merged = ForkMerged(
        fork_run_id=fork.run_id,
        fork_seq=state.head_seq,
        fork_hash=state.head_hash,
        merged={"answer": answer, "files": [file.path for file in files]},
    )
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    told = message_said(
        f"A fork of this run was merged into it. Its answer:\n{text[:_TOLD_CHARS]}",
        key=f"merge-{fork.run_id}",
    )

    def decide(now: RunState) -> Sequence[AnyEvent]:
        artifacts = [_artifact(file) for file in files]
        return [merged, *artifacts] if now.terminal else [merged, *artifacts, told]

    return (await target.append(decide, actor=actor))[0]


async def _answer(store: EventStore, state: RunState) -> JsonValue:
    run_id = state.identity.run_id
    if state.status != "succeeded":
        what = f"ended as {state.status}" if state.terminal else f"is {state.status}"
        raise ConflictError(
            f"run {run_id!r} {what}; a fork is merged once it has succeeded, so that what was "
            "merged stays what it was"
        )
    (record,) = await store.read(run_id, kinds=("run_succeeded",), backwards=True, limit=1)
    payload = (await opened(store, record)).payload
    return payload.answer if isinstance(payload, RunSucceeded) else None


async def _check_is_new(store: EventStore, target: Journal, fork_id: str) -> None:
    after = 0
    while True:
        records = await store.read(
            target.run_id, after=after, kinds=("fork_merged",), payloads=False
        )
        for record in records:
            payload = open_record(record, facts_only=True).payload
            if isinstance(payload, ForkMerged) and payload.fork_run_id == fork_id:
                raise ConflictError(
                    f"run {fork_id!r} was merged already, as event #{record.seq} of "
                    f"{target.run_id!r}"
                )
        if len(records) < PAGE_ROWS:
            return
        after = records[-1].seq


async def _files(store: EventStore, state: RunState) -> tuple[FileChanged, ...]:
    """Return the files that a fork holds otherwise than what it shares."""
    lineage = state.identity.lineage
    assert lineage is not None, "its target was found by it"
    moments, run_id = Moments(store), state.identity.run_id
    before = await moments.moment(run_id, lineage.parent_seq)
    found = difference(before, await moments.moment(run_id, state.head_seq)).files
    if len(found) > BATCH_EVENTS - 2:
        raise InvalidError(
            f"run {run_id!r} changed {len(found)} files; at most {BATCH_EVENTS - 2} are merged at "
            "once: export it instead"
        )
    return found


def _artifact(file: FileChanged) -> ArtifactWritten:
    before, after = file.before, file.after
    assert after is not None, "a fork begins with all that it shares"
    return ArtifactWritten(
        operation="written" if after.sha256 is not None else "deleted",
        before=before.ref if before is not None else None,
        after=after.ref,
        size=after.size,
        path=file.path,
        before_sha256=before.sha256 if before is not None else None,
        after_sha256=after.sha256,
    )
