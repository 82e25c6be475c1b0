"""The boundary: whether a run may begin something new, and the error that says why not."""

from collections.abc import Sequence

from quarterdeck_kernel.errors import (
    ConsistencyError,
    ReconciliationRequiredError,
    RunCancelledError,
    RunHeldError,
    RunOverError,
    RunPausedError,
    RunStoppedError,
)
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import OpenPause
from quarterdeck_kernel.projections.state import RunState


def stopped(
    state: RunState, *, decided: bool = False, asks: bool = False
) -> RunStoppedError | None:
    """Return why nothing new may be begun in a run, the gravest reason first.

    What a recorded decision allows (`decided`) is stopped by no pause and no unknown of another
    step; what only asks people (`asks`) by no pause.
    """
    run_id = state.identity.run_id
    if state.terminal:
        return over(state)
    for seq in state.unknowns if not decided else ():
        return unknown(state, seq)
    if state.cancel is not None:
        return RunCancelledError(
            f"run {run_id!r} is to be cancelled since event #{state.cancel.seq}"
        )
    for pause_id in state.pauses if not (decided or asks) else ():
        return paused(state, pause_id)
    if state.hold is not None:
        return RunHeldError(
            f"run {run_id!r} is held by {state.hold.by} since event #{state.hold.seq} "
            f"({state.hold.reason or 'no reason given'}); release it first"
        )
    return None


def unless_stopped(state: RunState, event: AnyEvent) -> Sequence[AnyEvent]:
    """Return the event if it may be written behind this state."""
    error = stopped(state)
    if error is not None:
        raise error
    return [event]


def over(state: RunState) -> RunStoppedError:
    """Return the error for a run that has ended."""
    run_id = state.identity.run_id
    if state.status == "cancelled":
        return RunCancelledError(f"run {run_id!r} was cancelled; go on in a fork")
    return RunOverError(f"run {run_id!r} is {state.status}, which is final; go on in a fork")


def unknown(state: RunState, seq: int) -> ReconciliationRequiredError:
    """Return the error for an effect that may or may not have happened."""
    item = state.unknowns[seq]
    return ReconciliationRequiredError(
        f"step {item.step_key!r} of run {state.identity.run_id!r} requires reconciliation: "
        f"{item.name} was dispatched as event #{seq} and its outcome is unknown; settle it as "
        "done or failed, or allow a further try",
        intent_seq=seq,
    )


def paused(state: RunState, pause_id: str) -> RunPausedError:
    """Return the error for a pause nobody has answered."""
    pause = state.pauses[pause_id]
    return RunPausedError(
        f"run {state.identity.run_id!r} waits for a person: {_asked(pause)} "
        f"(pause {pause_id!r}, step {pause.step_key!r})",
        pause_id=pause_id,
    )


def _asked(pause: OpenPause) -> str:
    said = pause.title or pause.type
    return f"{pause.type} {pause.tool}: {said}" if pause.tool is not None else said


def abandoned(step_key: str, seq: int) -> ConsistencyError:
    """Return the error for a step that is open on record, and that nobody is at."""
    return ConsistencyError(
        f"step {step_key!r} is open as event #{seq} and nobody is at it; let go of the run and "
        "load it again",
        seq=seq,
    )
