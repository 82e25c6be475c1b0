"""The chain of guards: asked in order, and closed where one fails."""

import asyncio

import pytest

from quarterdeck_kernel import ALLOW, Deny, GuardKind, Pause, ProposedCall, Verdict, Warn
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.guards.chain import Chain, Guard, Judged
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


async def judged(chain: Chain) -> Judged:
    said = chain.judged(CALL)
    return said if isinstance(said, Judged) else await said


async def test_what_is_known_at_once_is_not_waited_for() -> None:
    class AtOnce:
        name = "at once"
        kind: GuardKind = "policy"

        def judge(self, _call: ProposedCall) -> Verdict:
            return Warn(reason="dear")

    both: list[Guard] = [AtOnce(), Says("later", ALLOW)]
    for guards, waits in ((both[:1], False), (both, True)):
        said = Chain(guards).judged(CALL)
        assert isinstance(said, Judged) is not waits
        if not isinstance(said, Judged):
            said = await said
        assert [name for name, _ in said.warnings] == ["at once"]


async def test_nobody_objects() -> None:
    said = await judged(Chain([Says("a", ALLOW), Says("b", ALLOW)]))
    assert (said.denial, said.pause, said.warnings, said.rules) == (None, None, (), ())


async def test_the_first_denial_ends_it_and_keeps_the_warnings_before() -> None:
    warns, last = Says("a", Warn(reason="dear", rule="w")), Says("d", ALLOW)
    no = Deny(reason="no")
    said = await judged(Chain([warns, Says("b", Pause(title="?")), Says("c", no), last]))
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
    said = await judged(Chain(guards))
    assert said.pause is not None
    assert said.pause.title == "first"
    assert said.rules == ("a:x", "b:y", "c:")


@pytest.mark.parametrize(
    "failure",
    [
        ValueError("broken"),
        ValueError("\ud800"),
        asyncio.CancelledError(),
        SystemExit(3),
        None,
        True,
        "deny",
    ],
    ids=range(7),
)
async def test_a_guard_that_fails_closes_the_way(failure: object) -> None:
    later = Says("later", ALLOW)
    said = await judged(Chain([Says("broken", failure), later]))
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

    task = asyncio.create_task(judged(Chain([Hangs()])))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_guard_that_nobody_would_ask_is_refused_and_not_passed_by() -> None:
    class Misspelt:
        name = "misspelt"
        kind: GuardKind = "policy"

        def judges(self, _call: ProposedCall) -> Verdict:
            return Deny(reason="no")

    class Unplaced(Misspelt):
        kind = "polcy"  # type: ignore[assignment]  # as somebody writes who checks no types

    with pytest.raises(InvalidError, match="judges nothing"):
        Chain([Misspelt()])  # type: ignore[list-item]
    with pytest.raises(InvalidError, match="`kind` has to be one of"):
        Chain([Unplaced()])  # type: ignore[list-item]
    with pytest.raises(InvalidError, match="is no guard"):
        Chain([lambda _call: ALLOW])  # type: ignore[list-item]


@pytest.mark.parametrize("seconds", [float("inf"), 1e300, float("nan"), 0, -1])
async def test_a_question_that_expires_at_no_time_there_is_fails_as_its_guard(
    seconds: float,
) -> None:
    class Asks:
        name = "asks"
        kind: GuardKind = "policy"

        def judge(self, _call: ProposedCall) -> Verdict:
            return Pause(title="Pay?", expires_after_s=seconds)

    said = await judged(Chain([Asks()]))
    assert said.pause is None
    assert said.denial is not None
    assert said.denial[1].rule == "failed"
