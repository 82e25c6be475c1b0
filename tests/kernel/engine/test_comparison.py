"""Two runs side by side: where they part first, and what each came to."""

import pytest

from quarterdeck_kernel import AgentSpec, ForkChanges, NewResult, StepLine, compare
from quarterdeck_kernel.projections import alignment
from quarterdeck_kernel.projections.alignment import align, first_parting
from tests.kernel.agent.agents import Player, calls, crewed, finishes, of_kind, started
from tests.kernel.engine.deck import World, acting

SAILOR = AgentSpec(name="sailor", tools=("pay",), model="small")


def line(key: str, asked: str | None = "q", answered: str | None = "a", seq: int = 1) -> StepLine:
    return StepLine(key, "tool", "pay", seq, asked, answered, seq + 1, "success")


def partings(a: list[StepLine], b: list[StepLine]) -> list[tuple[str, str | None]]:
    return [(pair.key, pair.parting) for pair in align(a, b)]


def test_steps_are_aligned_by_key_and_told_apart_by_what_was_asked_and_answered() -> None:
    a = [line("1"), line("2"), line("3"), line("5")]
    b = [line("1", seq=9), line("2", asked="other"), line("4"), line("5", answered="else")]
    assert partings(a, b) == [
        ("1", None),
        ("2", "asked"),
        ("3", "only_a"),
        ("4", "only_b"),
        ("5", "answered"),
    ]
    first = first_parting(align(a, b))
    assert first is not None
    assert first.key == "2"
    assert first_parting(align(a, a)) is None
    assert align([], []) == ()


def test_every_step_of_both_runs_stands_in_one_pair_in_its_own_order() -> None:
    a = [line(key) for key in "abcdefg"]
    b = [line(key) for key in "xbdgyz"]
    pairs = align(a, b)
    assert [pair.a for pair in pairs if pair.a is not None] == a
    assert [pair.b for pair in pairs if pair.b is not None] == b
    assert {"b", "d", "g"} <= {pair.key for pair in pairs if pair.parting is None}


def test_what_was_erased_is_not_taken_for_a_difference() -> None:
    assert partings([line("1", asked=None, answered=None)], [line("1")]) == [("1", None)]


async def test_a_fork_parts_from_its_parent_at_the_result_it_was_told() -> None:
    model = Player(calls(("pay", {})), finishes("one"), finishes("two"))
    async with crewed(model, acting(World().acts, effect="idempotent")) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        (ended,) = await of_kind(kernel, run, "tool_completed")
        changes = ForkChanges(tool_result=NewResult("nothing"))
        await kernel.fork(run, ended.seq, changes=changes, run_id="f")
        await kernel.run_agent(await kernel.load_run("f"))
        found = await compare(kernel.store, run.run_id, "f")
        assert found.shared_seq == ended.seq - 1
        assert found.first is not None
        assert (found.first.key, found.first.parting) == ("turn-1/0", "answered")
        assert (found.first.a_seq, found.first.b_seq) == (ended.seq, ended.seq + 1)
        assert found.first.a_text == 'success: {"paid":1}'
        assert found.first.b_text == 'success: "nothing"'
        assert [(pair.key, pair.parting) for pair in found.pairs] == [
            ("turn-1/0", "answered"),
            ("turn-2/model", "asked"),
            ("end", "answered"),
        ]
        assert (found.a.tool_calls, found.b.tool_calls) == (1, 1)
        assert (found.a.status, found.b.status, found.more) == ("succeeded", "succeeded", False)
        same = await compare(kernel.store, run.run_id, run.run_id)
        assert same.first is None
        assert same.shared_seq == run.state.head_seq


async def test_two_runs_that_share_nothing_are_compared_from_their_beginnings() -> None:
    answers = (calls(("pay", {"amount": 1})), finishes("one"))
    others = (calls(("pay", {"amount": 2}), text="more", cost=30), finishes("one"))
    async with crewed(Player(*answers, *answers, *others), acting(World().acts)) as kernel:
        runs = [await started(kernel, SAILOR) for _ in range(3)]
        for run in runs:
            await kernel.run_agent(run)
        alike = await compare(kernel.store, runs[0].run_id, runs[1].run_id)
        assert (alike.shared_seq, alike.first) == (0, None)
        found = await compare(kernel.store, runs[0].run_id, runs[2].run_id)
        assert found.first is not None
        assert (found.first.key, found.first.parting) == ("turn-1/model", "answered")
        assert found.first.b_text == 'more; pay {"amount":2}'
        assert found.b.cost_micros - found.a.cost_micros == 30
        assert [pair.parting for pair in found.pairs] == [
            "answered",
            "asked",
            "asked",
            None,
        ]


async def test_a_comparison_that_looks_at_questions_alone_misses_what_came_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alignment, "_differ", lambda _one, _other: False)
    assert first_parting(align([line("1")], [line("1", answered="else")])) is None
