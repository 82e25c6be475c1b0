"""What is taken out of a tool call and of its preview, before anything is digested.

It is told once, beside the intent or the question that the call leads to.
"""

from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.engine.cancellation import Stop, in_time
from quarterdeck_kernel.engine.ingress import GUARD, redacted, refusal, summed
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import AskedCall
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardRedacted, GuardWarned
from quarterdeck_kernel.guards.chain import Judged

Remark = GuardRedacted | GuardWarned
"""What is written beside an intent, and stands in nobody's way."""


class Shown(NamedTuple):
    """What a tool shows of a call beforehand, and what the call stands upon."""

    preview: JsonValue = None
    preconditions: JsonValue = None


class LookedThrough(NamedTuple):
    """What is shown as it may be stored, and what was taken out of the call."""

    shown: Shown
    redacted: tuple[GuardRedacted, ...]
    denial: GuardDenied | None


async def preconditions_of(
    driver: RunDriver, asked: AskedCall, arguments: dict[str, JsonValue], stop: Stop
) -> JsonValue:
    """Return what a call stands upon now, as it would be stored."""
    found = await in_time(asked.tool.preconditions(arguments), driver.clock, stop)
    return driver.ingress.value(found, "arguments").value


def looked_through(
    driver: RunDriver, asked: AskedCall, shown: Shown, *, fresh: bool
) -> LookedThrough:
    """Look through what is shown. What was taken out of the arguments is told if `fresh`."""
    scrubbed = driver.ingress.value(list(shown), "arguments")
    blocked = summed([asked.blocked, scrubbed.blocked]) if fresh else scrubbed.blocked
    denial = None
    if blocked:
        denial = GuardDenied(
            guard=GUARD,
            rule="arguments",
            step_key=asked.step_key,
            tool=asked.tool.name,
            reason=refusal(blocked, "arguments"),
        )
    counts = summed([asked.taken_out, scrubbed.counts]) if fresh else {}
    assert isinstance(scrubbed.value, list), "what is taken out leaves the shape as it is"
    clean = Shown(*scrubbed.value)
    return LookedThrough(clean, redacted(counts, "arguments", asked.step_key), denial)


def remarks(
    asked: AskedCall, redacted: tuple[GuardRedacted, ...], said: Judged
) -> tuple[Remark, ...]:
    """Return what was taken out of a call, and what guards warn of."""
    warned = (
        GuardWarned(
            guard=guard,
            rule=warn.rule,
            rules=warn.rules,
            step_key=asked.step_key,
            tool=asked.tool.name,
            reason=warn.reason,
        )
        for guard, warn in said.warnings
    )
    return (*redacted, *warned)
