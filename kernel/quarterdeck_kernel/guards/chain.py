"""The chain: guards asked one after another, and what their verdicts come to.

Owns that a guard which fails denies. What the single guards look at is theirs.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol, assert_never

from pydantic import JsonValue

from quarterdeck_kernel.guards.verdict import Allow, Deny, Pause, Verdict, Warn
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.vocabulary.words import Effect, Risk


class ProposedCall(NamedTuple):
    """A tool call before it happens: what a guard may look at."""

    run_id: str
    tenant: str
    step_key: str
    tool: str
    version: str
    effect: Effect
    capability: str | None
    risk: Risk
    arguments: dict[str, JsonValue]
    preview: JsonValue


class Guard(Protocol):
    """Judges a call. It must answer from what it is given: nothing happens in it."""

    @property
    def name(self) -> str:
        """Return the name that stands beside its verdicts."""
        ...

    async def judge(self, call: ProposedCall, /) -> Verdict:
        """Return what it says of a call. Raising counts as a denial."""
        ...


class Judged(NamedTuple):
    """What all guards said: at most one denial or pause, and every warning before it.

    `rules` are those that matched: an approval is bound to them.
    """

    warnings: tuple[tuple[str, Warn], ...] = ()
    denial: tuple[str, Deny] | None = None
    pause: Pause | None = None
    rules: tuple[str, ...] = ()


async def judged(guards: Sequence[Guard], call: ProposedCall) -> Judged:
    """Ask the guards in order. The first denial ends it; the first pause asks the person."""
    warnings: list[tuple[str, Warn]] = []
    pause: Pause | None = None
    rules: list[str] = []
    for guard in guards:
        verdict = await _verdict(guard, call)
        match verdict:
            case Allow():
                continue
            case Warn():
                warnings.append((guard.name, verdict))
            case Deny():
                return Judged(tuple(warnings), (guard.name, verdict), None, tuple(rules))
            case Pause():
                pause = pause or verdict
            case _:
                assert_never(verdict)
        rules.append(f"{guard.name}:{verdict.rule or ''}")
    return Judged(tuple(warnings), None, pause, tuple(rules))


async def _verdict(guard: Guard, call: ProposedCall) -> Verdict:
    try:
        verdict: object = await guard.judge(call)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return _failed("it was cancelled from within")
    except Exception as error:  # noqa: BLE001 - a guard that fails closes the way, and it is recorded
        return _failed(f"{type(error).__name__}: {error_text(error)}")
    if isinstance(verdict, Verdict):
        return verdict
    return _failed(f"it said something of type {type(verdict).__name__}, which is no verdict")


def _failed(why: str) -> Deny:
    return Deny(reason=f"the guard failed: {why}", rule="failed")
