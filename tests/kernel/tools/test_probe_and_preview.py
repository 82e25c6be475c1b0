"""Probes and previews: helpers that take some of the arguments, and answer in known words."""

import asyncio
import threading
from decimal import Decimal
from typing import Any

import pytest

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL, NOT_DONE, Done
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from tests.kernel.tools.calls import CONTEXT, one_argument


def pay(invoice: str, amount: Decimal) -> str:
    """Pay."""
    return f"{invoice} {amount}"


def paying(**helpers: Any) -> Tool:  # noqa: ANN401
    return tool_of(pay, **helpers)


ARGUMENTS = {"invoice": "a", "amount": 2}


@pytest.mark.parametrize("answer", [Done("a"), Done(), NOT_DONE, CANNOT_TELL], ids=repr)
async def test_a_probe_answers_in_one_of_three_words(answer: object) -> None:
    tool = paying(probe=lambda: answer)
    assert tool.has_probe
    assert await tool.probe(CONTEXT, tool.parse(ARGUMENTS)) == answer


async def test_a_probe_takes_the_context_and_the_arguments_it_names() -> None:
    def by_name(context: Any, amount: Any) -> Done:  # noqa: ANN401
        return Done([context.idempotency_key, amount])

    async def by_type(call: ToolContext, /, **_rest: object) -> Done:
        return Done(call.idempotency_key)

    async def annotated(call: "ToolContext", limit: int = 3, **rest: object) -> Done:
        return Done([call.idempotency_key, limit, sorted(rest)])

    tool = paying(probe=by_name)
    assert await tool.probe(CONTEXT, tool.parse(ARGUMENTS)) == Done(["key-1", Decimal(2)])
    tool = paying(probe=annotated)
    answer = await tool.probe(CONTEXT, tool.parse(ARGUMENTS))
    assert answer == Done(["key-1", 3, ["amount", "invoice"]])
    with pytest.raises(InvalidError, match=r"'call' of .*by_type is positional"):
        paying(probe=by_type)


async def test_a_tools_own_argument_named_context_is_that_argument() -> None:
    def tell(context: str) -> None:
        """Tell."""

    def probe(context: str) -> Done:
        return Done(context)

    tool = tool_of(tell, probe=probe)
    assert await tool.probe(CONTEXT, {"context": "a"}) == Done("a")


@pytest.mark.parametrize("answer", [None, True, "done", Done], ids=repr)
async def test_a_probe_that_answers_otherwise_is_refused(answer: object) -> None:
    tool = paying(probe=lambda: answer)
    with pytest.raises(InvalidError, match=r"must return Done\(result\), NOT_DONE or CANNOT_TELL"):
        await tool.probe(CONTEXT, tool.parse(ARGUMENTS))


async def test_what_a_helper_raises_is_raised() -> None:
    def fail() -> None:
        raise OSError(5)

    tool = paying(probe=fail, preview=fail)
    with pytest.raises(OSError, match="5"):
        await tool.probe(CONTEXT, tool.parse(ARGUMENTS))
    with pytest.raises(OSError, match="5"):
        await tool.preview(tool.parse(ARGUMENTS))


async def test_a_tool_without_helpers_says_so() -> None:
    tool = paying()
    assert not tool.has_probe
    assert await tool.preview({}) is None
    with pytest.raises(InvalidError, match="pay has no probe"):
        await tool.probe(CONTEXT, {})


async def test_a_preview_shows_plain_data() -> None:
    async def later(invoice: str) -> dict[str, object]:
        return {"pays": invoice}

    tool = paying(preview=lambda amount: amount)
    assert tool.has_preview
    assert await tool.preview(tool.parse(ARGUMENTS)) == "2"
    assert await paying(preview=later).preview(tool.parse(ARGUMENTS)) == {"pays": "a"}


async def test_a_preview_that_cannot_be_recorded_is_refused() -> None:
    def unrecordable() -> object:
        return object()

    with pytest.raises(InvalidError, match="preview of pay cannot be recorded"):
        await paying(preview=unrecordable).preview({"invoice": "a", "amount": "2"})


async def test_a_helper_that_blocks_does_not_block_the_loop() -> None:
    here = threading.get_ident()
    tool = paying(preview=lambda: threading.get_ident() == here)
    assert await tool.preview(tool.parse(ARGUMENTS)) is False


async def test_a_cancelled_preview_is_stopped() -> None:
    begins = asyncio.Event()

    async def hang() -> None:
        begins.set()
        await asyncio.Event().wait()

    tool = paying(preview=hang)
    waiting = asyncio.create_task(tool.preview(tool.parse(ARGUMENTS)))
    await begins.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_a_helper_that_asks_for_what_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidError, match=r"takes 'to', which the tool does not; .*'invoice'"):
        paying(probe=lambda to: to)
    with pytest.raises(InvalidError, match="comes before there is a call"):
        paying(preview=lambda context: context)
    with pytest.raises(InvalidError, match="positional"):
        paying(preview=lambda *all_: all_)


async def test_a_helper_gets_values_and_not_plain_data() -> None:
    tool = one_argument(tuple[int, ...])
    assert tool.arguments.values(tool.parse({"x": [1]}))["x"] == (1,)
