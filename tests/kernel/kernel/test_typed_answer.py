"""Typed answers: stripped, validated, mended by few asks, and given up for good."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from quarterdeck_kernel.errors import InvalidAnswerError, InvalidError, StepError
from quarterdeck_kernel.events.model_events import ModelRequested
from quarterdeck_kernel.kernel.typed_answer import REPAIRS, parsed, unfenced
from tests.kernel.engine.model_stage import Stage, events_of, kinds_of, says


class Hold(BaseModel):
    """What is in a hold."""

    model_config = ConfigDict(extra="forbid")
    barrels: int
    cargo: list[str] = []


@dataclass
class Count:
    """A count."""

    barrels: int


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "stage")


@pytest.mark.parametrize(
    "text",
    [
        '{"barrels": 3}',
        ' \n{"barrels": 3}\n ',
        '```json\n{"barrels": 3}\n```',
        '```\n{"barrels": 3}\n```\n',
        'Here it is:\n\n```json\n{"barrels": 3}\n```\nAnything else?',
        '```JSON5 title="x"\n{"barrels": 3}',
        '\t```json\r\n{"barrels": 3}\r\n```',
    ],
)
def test_fences_and_what_stands_around_them_are_stripped(text: str) -> None:
    assert parsed(Hold, text) == (Hold(barrels=3), None)


def test_fences_within_an_answer_are_a_part_of_it() -> None:
    text = '{"barrels": 1, "cargo": ["```\\nrum\\n```"]}'
    value, problem = parsed(Hold, text)
    assert (value, problem) == (Hold(barrels=1, cargo=["```\nrum\n```"]), None)
    assert parsed(Hold, f"```json\n{text}\n```")[0] == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "```",
        "```json",
        "ten",
        "{",
        "[" * 100_000,
        '{"barrels": NaN}',
        "null",
        "\x00",
        "<U+D800>",
    ],
)
def test_what_does_not_fit_is_said_to_be_wrong(text: str) -> None:
    value, problem = parsed(Hold, text)
    assert value is None
    assert problem


def test_an_answer_made_to_be_slow_is_not(  # a pattern once took minutes for this
) -> None:
    begun = time.perf_counter()
    unfenced("```\n" + "\n" * 300_000 + "x")
    unfenced("```" * 300_000)
    assert time.perf_counter() - begun < 2


def test_a_problem_is_told_in_few_words_however_long_the_answer_is() -> None:
    _, problem = parsed(Hold, '{"barrels": 1, "' + "x" * 100_000 + '": 1}')
    assert problem is not None
    assert len(problem) < 1_000


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "3", 3),
        (list[int], "[1, 2]", [1, 2]),
        (int | None, "null", None),
        (Annotated[int, Field(gt=2)], "3", 3),
        (Count, '{"barrels": 4}', Count(4)),
        (str, '"aye"', "aye"),
    ],
)
async def test_any_type_with_a_schema_can_be_asked_for(
    stage: Stage, kind: type, text: str, value: object
) -> None:
    async with await stage.kernel(says(text)) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            result = await kernel.step_model(run=run, step_key="s", prompt="go", answer=kind)
            assert result.value == value
        assert len(stage.provider.asked) == 1


async def test_an_answer_that_does_not_fit_is_mended_and_each_asking_is_on_record(
    stage: Stage,
) -> None:
    async with await stage.kernel(
        says("ten"), says('{"barrels": "x"}'), says('{"barrels": 9}')
    ) as k:
        run = await k.start_run(agent="purser", run_id="run")
        result = await k.step_model(run=run, step_key="s", prompt="go", answer=Hold)
        assert (result.value, result.replayed) == (Hold(barrels=9), False)
        assert await kinds_of(k, run) == ["model_requested", "model_completed"] * 3
        requests = [
            event.payload
            for event in await events_of(k, run)
            if isinstance(event.payload, ModelRequested)
        ]
        assert [(r.step_key, r.purpose) for r in requests] == [
            ("s", "turn"),
            ("s/repair:1", "repair"),
            ("s/repair:2", "repair"),
        ]
        last = stage.provider.asked[-1]
        assert [m.role for m in last.messages] == ["user", *["assistant", "user"] * 2]
        assert "barrels" in last.messages[-1].text
        assert all(
            asked.answer_schema == Hold.model_json_schema() for asked in stage.provider.asked
        )
        events = run.state.head_seq
    async with await stage.kernel() as k:
        run = await k.load_run("run")
        again = await k.step_model(run=run, step_key="s", prompt="go", answer=Hold)
        assert (again.value, again.replayed) == (Hold(barrels=9), True)
        assert (stage.provider.asked, run.state.head_seq) == ([], events)


async def test_giving_up_is_an_error_that_replays(stage: Stage) -> None:
    async with await stage.kernel(*[says("ten")] * 9) as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        with pytest.raises(InvalidAnswerError, match="'s' does not fit") as first:
            await kernel.step_model(run=run, step_key="s", prompt="go", answer=int)
        assert len(stage.provider.asked) == 1 + REPAIRS
        events = run.state.head_seq
    async with await stage.kernel() as kernel:
        run = await kernel.load_run("run")
        with pytest.raises(InvalidAnswerError) as again:
            await kernel.step_model(run=run, step_key="s", prompt="go", answer=int)
        assert (str(again.value), again.value.seq) == (str(first.value), first.value.seq)
        assert (stage.provider.asked, run.state.head_seq) == ([], events)
        assert (await kernel.step_model(run=run, step_key="t", prompt="go")).text == "answer 1"


async def test_a_repair_that_was_interrupted_goes_on_where_it_was(stage: Stage) -> None:
    async with await stage.kernel(says("ten"), OSError("gone")) as kernel:
        run = await kernel.start_run(agent="purser", run_id="run")
        with pytest.raises(Exception, match="gone"):
            await kernel.step_model(run=run, step_key="s", prompt="go", answer=int)
        with pytest.raises(Exception, match="gone"):
            await kernel.step_model(run=run, step_key="s", prompt="go", answer=int)
        assert len(stage.provider.asked) == 2


@pytest.mark.parametrize("kind", [object(), 3, type("Odd", (), {}), Annotated[int, {}]])
async def test_what_has_no_schema_cannot_be_asked_for(stage: Stage, kind: type) -> None:
    async with await stage.kernel() as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(InvalidError, match="no answer can be asked for"):
            await kernel.step_model(run=run, step_key="s", prompt="go", answer=kind)
        assert run.state.head_seq == 1


async def test_strict_costs_refuse_an_answer_of_unknown_cost_every_time(stage: Stage) -> None:
    plays = [says("1", cost_micros=None), says("2")]
    async with await stage.kernel(*plays, strict_costs=True) as kernel:
        run = await kernel.start_run(agent="purser")
        for _ in range(2):
            with pytest.raises(StepError, match="unknown, and costs are strict") as error:
                await kernel.step_model(run=run, step_key="s", prompt="go")
            assert error.value.seq == 4
        assert (await kernel.step_model(run=run, step_key="t", prompt="go")).text == "2"
