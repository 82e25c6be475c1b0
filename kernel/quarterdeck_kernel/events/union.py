"""The closed union of all events, by group and by kind."""

from typing import get_args

from quarterdeck_kernel.events.agent_events import AnyAgentEvent
from quarterdeck_kernel.events.control_events import AnyControlEvent
from quarterdeck_kernel.events.guard_events import AnyGuardEvent
from quarterdeck_kernel.events.model_events import AnyModelEvent
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.people_events import AnyPeopleEvent
from quarterdeck_kernel.events.run_events import AnyRunEvent
from quarterdeck_kernel.events.tool_events import AnyToolEvent
from quarterdeck_kernel.events.turn_events import AnyTurnEvent
from quarterdeck_kernel.events.workflow_events import AnyWorkflowEvent

AnyEvent = (
    AnyRunEvent
    | AnyTurnEvent
    | AnyModelEvent
    | AnyToolEvent
    | AnyWorkflowEvent
    | AnyPeopleEvent
    | AnyControlEvent
    | AnyGuardEvent
    | AnyAgentEvent
)

BY_KIND: dict[str, type[Payload]] = {
    cls.model_fields["kind"].default: cls for cls in get_args(AnyEvent)
}
