"""What waits for a person in a run, and how that changed."""

from collections.abc import Mapping

from quarterdeck_kernel.projections.open_items import OpenPause, OpenUnknown
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.rows import InboxRow


def unknown_item(intent_seq: int) -> str:
    """Return the id by which an unknown outcome is named in the inbox."""
    return f"unknown:{intent_seq}"


def inbox_rows(state: RunState) -> tuple[InboxRow, ...]:
    """Return all open items of a run, the oldest first."""
    return inbox_changes(RunState(), state)[0]


def inbox_changes(
    before: RunState, after: RunState
) -> tuple[tuple[InboxRow, ...], tuple[str, ...]]:
    """Return the rows of items opened and the ids of items closed between two states.

    A store removes the closed ones first. A fork begins with all its items: what waits in its
    parent waits there still, under the parent's id.
    """
    same_run = before.identity.run_id == after.identity.run_id
    old_pauses: Mapping[str, OpenPause] = before.pauses if same_run else {}
    old_unknowns: Mapping[int, OpenUnknown] = before.unknowns if same_run else {}
    if not (old_pauses or after.pauses or old_unknowns or after.unknowns):
        return (), ()
    opened = [
        _pause_row(after, pause)
        for pause_id, pause in after.pauses.items()
        if pause_id not in old_pauses or old_pauses[pause_id].seq != pause.seq
    ]
    opened += [
        _unknown_row(after, unknown)
        for seq, unknown in after.unknowns.items()
        if seq not in old_unknowns
    ]
    closed = [pause_id for pause_id in old_pauses if pause_id not in after.pauses]
    closed += [unknown_item(seq) for seq in old_unknowns if seq not in after.unknowns]
    opened.sort(key=lambda row: (row.seq, row.item_id))
    return tuple(opened), tuple(sorted(closed))


def _pause_row(state: RunState, pause: OpenPause) -> InboxRow:
    return InboxRow(
        run_id=state.identity.run_id,
        item_id=pause.pause_id,
        kind="pause",
        tenant=state.identity.tenant,
        agent=state.identity.agent,
        title=pause.title or (f"{pause.type} {pause.tool}" if pause.tool else pause.type),
        tool=pause.tool,
        risk=pause.risk,
        seq=pause.seq,
        since_us=pause.since_us,
        deadline_us=pause.expires_at_us,
    )


def _unknown_row(state: RunState, unknown: OpenUnknown) -> InboxRow:
    return InboxRow(
        run_id=state.identity.run_id,
        item_id=unknown_item(unknown.intent_seq),
        kind="unknown",
        tenant=state.identity.tenant,
        agent=state.identity.agent,
        title=f"{unknown.name}: sent, no answer",
        tool=unknown.name if unknown.kind == "tool" else None,
        risk=unknown.risk,
        seq=unknown.intent_seq,
        since_us=unknown.since_us,
    )
