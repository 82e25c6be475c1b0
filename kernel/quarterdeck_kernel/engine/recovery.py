"""What becomes of things left open, when a run is taken up and when it ends.

A driver that takes a run up knows nothing of what the one before had begun: only that it was
dispatched, perhaps. What is safe to repeat is closed as interrupted, to go again when its step is
asked for; what is not, is unknown. Model requests stay open: they are asked again as they are.
"""

from collections.abc import Iterator

from quarterdeck_kernel.events.model_events import ModelFailed
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.events.workflow_events import WorkflowStepCompleted
from quarterdeck_kernel.projections.state import RunState

INTERRUPTED = "interrupted"
"""The cause of an outcome whose driver ended before it could tell."""

CANCELLED = "cancelled"
"""The cause of an outcome whose call was broken off by who asked for it."""

GAVE_UP = "gave_up"
"""The cause of a failure that had tries left, but no time: what was told then stands."""

_LEFT = "the process that drove the run ended before the outcome was recorded"


def closing_events(state: RunState) -> Iterator[AnyEvent]:
    """Yield what closes the effects that an earlier driver left open."""
    for call in state.tool_intents.values():
        yield ToolCompleted(
            intent_seq=call.seq,
            call_id=call.call_id,
            outcome="unknown_outcome" if call.effect == "once" else "transient_error",
            cause=INTERRUPTED,
            result=None,
            error=_LEFT,
        )
    for step in state.workflow_intents.values():
        # Any other effect runs again under the intent it has.
        if step.effect == "once":
            yield WorkflowStepCompleted(
                intent_seq=step.seq, outcome="unknown_outcome", result=None, error=_LEFT
            )


def ending_events(state: RunState) -> Iterator[AnyEvent]:
    """Yield what closes the steps that a run need not finish before it ends."""
    for request in state.model_intents.values():
        yield ModelFailed(
            request_seq=request.seq,
            step_key=request.step_key,
            error="interrupted",
            final=True,
            message="the run ended before the model was asked again",
        )
    for step in state.workflow_intents.values():
        if step.effect != "once":
            yield WorkflowStepCompleted(
                intent_seq=step.seq,
                outcome="error",
                result=None,
                error="the run ended before the step did",
            )
