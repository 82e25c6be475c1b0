"""Code that pays, and is changed between two executions: what the tests of forks share."""

from collections.abc import Awaitable, Callable

from quarterdeck_kernel import (
    Flow,
    GuardKind,
    Kernel,
    Pause,
    ProposedCall,
    Run,
    Verdict,
)
from quarterdeck_kernel.events.run_events import RunForked
from tests.kernel.engine.deck import (
    events,
)


async def pays(kernel: Kernel, run: Run, *amounts: int) -> bool:
    """Run code whose steps pay so much, one after the other; tell whether they gave that."""
    results = [
        await kernel.step_tool(run=run, step_key=f"pay-{at}", tool="pay", arguments={"amount": n})
        for at, n in enumerate(amounts)
    ]
    return [result.value for result in results] == [{"paid": n} for n in amounts]


Workflow = Callable[[Flow], Awaitable[object]]


async def runs_of(kernel: Kernel) -> set[str]:
    return {head.run_id for head in await kernel.store.heads()}


async def forked(kernel: Kernel, run: Run) -> RunForked:
    """Return the one event that made a fork of this run."""
    made = [event for event in await events(kernel, run) if event.kind == "run_forked"]
    assert made[-1].run_id == run.run_id
    payload = made[-1].payload
    assert isinstance(payload, RunForked)
    return payload


class Asks:
    """A guard that asks about everything."""

    name = "asks"
    kind: GuardKind = "approval"

    async def judge(self, call: ProposedCall) -> Verdict:
        return Pause(title=f"{call.tool}?")
