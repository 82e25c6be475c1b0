"""Structured answers: a phase of its own, mended if need be, and reported if not."""

import pytest
from pydantic import JsonValue

from quarterdeck_kernel import AgentSpec
from quarterdeck_kernel.agent.extraction import fitting
from tests.kernel.agent.agents import (
    calls,
    crewed,
    fails,
    finishes,
    of_kind,
    says,
    scripted,
    started,
)

SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"eggs": {"type": "integer"}},
    "required": ["eggs"],
    "additionalProperties": False,
}
COUNTER = AgentSpec.model_validate({"name": "counter", "answer_schema": SCHEMA})
ASKED = {"schema_asked": True}


async def test_the_answer_is_taken_out_of_the_text_by_a_request_of_its_own() -> None:
    model = scripted(says('{"eggs": 3}', when=ASKED), finishes("three eggs"))
    async with crewed(model) as kernel:
        run = await started(kernel, COUNTER)
        result = await kernel.run_agent(run)
        assert result.answer == {"text": "three eggs", "data": {"eggs": 3}, "problem": None}
        assert result.data == {"eggs": 3}
        assert [a.tools == () for a in model.asked] == [False, True]
        asked = await of_kind(kernel, run, "model_requested")
        assert [e.payload.purpose for e in asked] == ["turn", "extraction"]  # type: ignore[union-attr]
        again = await kernel.run_agent(run)
        assert (again, len(model.asked)) == (result, 2)


async def test_what_does_not_fit_is_asked_to_be_mended_twice_and_then_reported() -> None:
    model = scripted(says("lots", when=ASKED, times=None), finishes("three eggs"))
    async with crewed(model) as kernel:
        run = await started(kernel, COUNTER)
        result = await kernel.run_agent(run)
        assert result.status == "succeeded"
        assert isinstance(result.answer, dict)
        assert (result.answer["text"], result.data) == ("three eggs", None)
        assert "no JSON" in str(result.answer["problem"])
        assert len(model.asked) == 4


async def test_a_model_that_fails_then_does_not_fail_the_run() -> None:
    model = scripted(fails("permanent", when=ASKED), finishes("three eggs"))
    async with crewed(model) as kernel:
        result = await kernel.run_agent(await started(kernel, COUNTER))
        assert result.status == "succeeded"
        assert isinstance(result.answer, dict)
        assert result.answer["text"] == "three eggs"


@pytest.mark.parametrize(
    "text",
    [
        '{"eggs": 3}',
        'Sure:\n```json\n{"eggs": 3}\n```\nDone.',
        '{"answer": {"eggs": 3}}',
        '```\n{"result": {"eggs": 3}}\n```',
    ],
)
def test_fences_and_envelopes_are_stripped(text: str) -> None:
    assert fitting(SCHEMA, text) == ({"eggs": 3}, "")


@pytest.mark.parametrize("text", ["", "3", '{"eggs": "3"}', '{"other": {"eggs": 3}}', "[" * 5_000])
def test_what_does_not_fit_is_said(text: str) -> None:
    assert fitting(SCHEMA, text)[1]


async def test_an_agent_without_a_schema_answers_in_text() -> None:
    async with crewed(scripted(calls(("finish", {"answer": "three"})))) as kernel:
        assert (
            await kernel.run_agent(await started(kernel, AgentSpec(name="x")))
        ).answer == "three"
