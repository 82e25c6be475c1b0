"""Asking a tool's probe about an unknown outcome, before a person is asked.

Owns when a probe is believed. "Done" settles at once. "Not done" settles only when nothing can
still be on its way: no call of ours goes on, and the tool's time has passed since it was given up,
or since this process took the run up (the lease of the process before had passed by then).
Anything else is evidence.
"""

from typing import NamedTuple

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.cancellation import Stop, ended
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall
from quarterdeck_kernel.errors import StepInterruptedError
from quarterdeck_kernel.events.tool_events import ToolEvidence, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.open_items import OpenUnknown
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL, NOT_DONE, Done, ProbeAnswer
from quarterdeck_kernel.tools.result import stored_result
from quarterdeck_kernel.vocabulary.actor import KERNEL

_PROBE_US = 30_000_000
"""A probe that takes longer cannot tell."""

_TOO_EARLY = "not acted upon: the call may be on its way, or the run is to be cancelled"


class Probed(NamedTuple):
    """What asking a probe came to: why the outcome is open still, or nothing if it is settled."""

    why: str | None = None

    @property
    def settled(self) -> bool:
        """Tell whether the outcome is not in doubt any more."""
        return self.why is None


async def probed(
    driver: RunDriver, asked: AskedCall, item: OpenUnknown, stop: Stop, *, anew: bool = False
) -> Probed:
    """Ask the tool's probe about `item`, once while this process drives the run, or `anew`.

    What the probe says is on record, whether it settles the outcome or not. While other calls of
    its batch were looked at, a person may have settled it.
    """
    if item.intent_seq not in driver.state.unknowns:
        return Probed()
    if not asked.tool.has_probe:
        return Probed(f"tool {asked.tool.name!r} has no probe")
    if driver.state.terminal:
        return Probed(f"the run is {driver.state.status}, and its probes are not asked")
    intent = (await driver.event(item.intent_seq)).payload
    assert isinstance(intent, ToolRequested), "an unknown of a tool step began with its intent"
    counts = _nothing_on_its_way(driver, intent, item)
    if not anew and driver.probed.get(item.intent_seq, -1) >= counts:
        return Probed("its probe was asked before")
    await driver.fresh(f"probe of step {asked.step_key!r}")
    answer, why = await _asked(driver, asked, intent, stop)
    driver.probed[item.intent_seq] = counts

    def decide(state: RunState) -> list[AnyEvent]:
        if item.intent_seq not in state.unknowns:
            return []
        # Nothing is tried again in a run that is to be cancelled: a person says what became of it.
        again = counts and state.cancel is None and not item.inherited
        return [_event(asked, item, answer, why, again=again)]

    crash_point("engine.reconcile.before")
    await driver.append(decide, actor=KERNEL)
    crash_point("engine.reconcile.after")
    if item.intent_seq not in driver.state.unknowns:
        return Probed()
    if answer == NOT_DONE:
        return Probed(f"the probe of {asked.tool.name!r} says that it is not done: {_TOO_EARLY}")
    return Probed(why or f"the probe of {asked.tool.name!r} cannot tell")


def _nothing_on_its_way(driver: RunDriver, intent: ToolRequested, item: OpenUnknown) -> bool:
    if item.intent_seq in driver.lingering:
        return False
    # A call that raised may be on its way still: a broken line says nothing of its other end. And
    # not since it was begun: a process that stood still just then sent it much later.
    since_us = driver.doubted_boot_us.get(item.intent_seq, driver.taken_up_boot_us)
    waited_us = driver.clock.boot_us() - since_us
    return waited_us >= (intent.timeout_us or 0)


async def _asked(
    driver: RunDriver, asked: AskedCall, intent: ToolRequested, stop: Stop
) -> tuple[ProbeAnswer, str | None]:
    tool = asked.tool
    context = ToolContext(
        run_id=driver.run_id,
        tenant=driver.tenant,
        step_key=asked.step_key,
        tool=tool.name,
        call_id=asked.call_id,
        idempotency_key=intent.idempotency_key,
        attempt=intent.attempt,
        timeout_s=_PROBE_US / 1_000_000,
        preview=intent.preview,
    )
    crash_point("engine.probe.before")
    try:
        with driver.inside():
            # With what was called: a person may have edited what was asked for.
            arguments = intent.arguments or asked.arguments
            named = driver.ingress.secrets.resolved(tool, arguments)
            call = tool.start_probe(context, named)
    except Exception as refusal:  # noqa: BLE001 - a probe that cannot even begin cannot tell
        return CANNOT_TELL, f"the probe did not begin: {error_text(refusal)}"
    word = await ended(call.future, clock=driver.clock, within_us=_PROBE_US, stop=stop)
    crash_point("engine.probe.after")
    if word != "done":
        call.cancel()
        if word == "stop":
            raise StepInterruptedError("the step was told to stop while its probe was asked")
        return CANNOT_TELL, f"the probe did not answer within {_PROBE_US // 1_000_000} s"
    error = call.future.exception()
    if error is not None:
        return CANNOT_TELL, f"the probe failed: {type(error).__name__}: {error_text(error)}"
    answer = call.future.result()
    if isinstance(answer, Done | type(NOT_DONE) | type(CANNOT_TELL)):
        return answer, None
    return CANNOT_TELL, f"the probe answered {shown(answer)}, which is none of its three words"


def _event(
    asked: AskedCall, item: OpenUnknown, answer: ProbeAnswer, why: str | None, *, again: bool
) -> AnyEvent:
    if isinstance(answer, Done):
        settled = ToolReconciled(
            intent_seq=item.intent_seq,
            call_id=item.call_id,
            verdict="done",
            by="probe",
            result=stored_result(answer.result).result,
            reason=None,
        )
        return settled.model_copy(update={"message_digest": tool_message(settled).digest()})
    if answer == NOT_DONE and again:
        return ToolReconciled(
            intent_seq=item.intent_seq,
            call_id=item.call_id,
            verdict="retry",
            by="probe",
            result=None,
            reason=f"the probe of {asked.tool.name} found that nothing has happened",
        )
    if answer == NOT_DONE:
        return ToolEvidence(
            intent_seq=item.intent_seq,
            source="probe",
            verdict="not_done",
            detail=_TOO_EARLY,
        )
    return ToolEvidence(
        intent_seq=item.intent_seq, source="probe", verdict="cannot_tell", detail=why
    )
