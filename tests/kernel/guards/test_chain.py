"""The chain of guards: asked in order, and closed where one fails."""

import asyncio

import pytest

from quarterdeck_kernel import ALLOW, Deny, GuardKind, Pause, ProposedCall, Verdict, Warn
from quarterdeck_kernel.guards.chain import Chain
from quarterdeck_kernel.projections.run_state import empty

CALL = ProposedCall(
    run_id="run",
    tenant="local",
    step_key="s",
    tool="pay",
    version="1",
    effect="once",
    capability=None,
    risk="low",
    arguments={},
    preview=None,
    state=empty(),
    at_us=0,
)


class Says:
    def __init__(self, name: str, verdict: object) -> None:
        self.name = name
        self.kind: GuardKind = "policy"
        self.verdict = verdict
        self.asked = False

    async def judge(self, _call: ProposedCall) -> Verdict:
        self.asked = True
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return self.verdict  # type: ignore[return-value]


async def test_nobody_objects() -> None:
    said = await Chain([Says("a", ALLOW), Says("b", ALLOW)]).judged(CALL)
    assert (said.denial, said.pause, said.warnings, said.rules) == (None, None, (), ())


async def test_the_first_denial_ends_it_and_keeps_the_warnings_before() -> None:
    warns, last = Says("a", Warn(reason="dear", rule="w")), Says("d", ALLOW)
    no = Deny(reason="no")
    said = await Chain([warns, Says("b", Pause(title="?")), Says("c", no), last]).judged(CALL)
    assert said.denial == ("c", no)
    assert said.pause is None
    assert [name for name, _ in said.warnings] == ["a"]
    assert not last.asked


async def test_the_first_pause_asks_and_every_rule_that_matched_is_named() -> None:
    guards = [
        Says("a", Pause(title="first", rule="x")),
        Says("b", Pause(title="second", rule="y")),
        Says("c", Warn(reason="dear")),
    ]
    said = await Chain(guards).judged(CALL)
    assert said.pause is not None
    assert said.pause.title == "first"
    assert said.rules == ("a:x", "b:y", "c:")


@pytest.mark.parametrize(
    "failure",
    [ValueError("broken"), ValueError("\ud800"), asyncio.CancelledError(), None, True, "deny"],
    ids=range(6),
)
async def test_a_guard_that_fails_closes_the_way(failure: object) -> None:
    later = Says("later", ALLOW)
    said = await Chain([Says("broken", failure), later]).judged(CALL)
    assert said.denial is not None
    name, denial = said.denial
    assert (name, denial.rule) == ("broken", "failed")
    assert denial.reason.startswith("the guard failed: ")
    assert denial.reason.encode()
    assert not later.asked


async def test_a_cancel_from_outside_is_no_verdict() -> None:
    began = asyncio.Event()

    class Hangs:
        name = "hangs"
        kind: GuardKind = "policy"

        async def judge(self, _call: ProposedCall) -> Verdict:
            began.set()
            await asyncio.Event().wait()
            return ALLOW

    task = asyncio.create_task(Chain([Hangs()]).judged(CALL))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
