"""The last look before an effect: whether it may still happen, upon what it was allowed upon."""

from typing import NamedTuple

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.boundary import stopped
from quarterdeck_kernel.engine.cancellation import Stop
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import ReadyCall
from quarterdeck_kernel.engine.tool_ingress import preconditions_of
from quarterdeck_kernel.engine.tool_plan import still_granted
from quarterdeck_kernel.errors import RunPausedError, StepInterruptedError
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import error_text


class Begun(NamedTuple):
    """A call whose intent is on disk."""

    place: int
    ready: ReadyCall
    intent_seq: int
    intent: ToolRequested


async def moved(driver: RunDriver, ready: ReadyCall, stop: Stop) -> str | None:
    """Return how what the call stands upon is not what it was judged and approved upon."""
    asked = ready.asked
    try:
        now = await preconditions_of(driver, asked, ready.arguments, stop)
    except StepInterruptedError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - what cannot be looked at cannot be relied upon
        return f"its preconditions failed: {type(error).__name__}: {error_text(error)}"
    if canonical.encode(now) == canonical.encode(ready.preconditions):
        return None
    return (
        f"what {asked.tool.name!r} stands upon has changed since it was allowed; ask for the "
        "step again, and it is judged anew"
    )


def forbidden(begun: Begun, state: RunState) -> str | None:
    """Return why a call whose intent is written must not be made any more."""
    intent = state.tool_intents.get(begun.intent_seq)
    if intent is not None and intent.overtaken:
        return "it was learnt since it was decided on that it had happened"
    if not still_granted(begun.intent.grant_id, state):
        return f"grant {begun.intent.grant_id!r} was revoked"
    error = stopped(state, decided=begun.intent.decision_seq is not None)
    return None if error is None or isinstance(error, RunPausedError) else str(error)
