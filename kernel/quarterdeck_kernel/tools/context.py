"""What a tool may know of the call it is in.

A function asks for it by annotating a parameter with `ToolContext`; the parameter is then no part
of what a model is told. It must not give access to the run: a tool acts on the world alone.
"""

from dataclasses import dataclass, field

from pydantic import JsonValue

from quarterdeck_kernel.tools.report import Report


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The call. `idempotency_key` stays the same over all tries of one step: hand it on.

    `attempt` counts tries from 1; `timeout_s` is how long the kernel will wait for this one.
    `preview` is what was shown before the call, and what an approval is bound to: a precondition
    in it still has to hold. What the call changes is told to `report`.
    """

    run_id: str
    tenant: str
    step_key: str
    tool: str
    call_id: str | None
    idempotency_key: str
    attempt: int
    timeout_s: float
    preview: JsonValue = None
    report: Report = field(default_factory=Report, compare=False, repr=False)
