"""Schemas that somebody else wrote: applied as they are, and harmless whatever they say."""

import time
from typing import Any

import pytest

from quarterdeck_kernel.errors import InvalidError, ToolArgumentsError
from quarterdeck_kernel.tools.mcp.schema_arguments import ARGUMENTS, SchemaArguments
from quarterdeck_kernel.tools.mcp.source import tool_name


def made(**schema: Any) -> SchemaArguments:  # noqa: ANN401 - a schema
    return SchemaArguments("odd", {"type": "object", **schema})


def test_arguments_are_checked_by_the_schema() -> None:
    arguments = made(properties={"n": {"type": "integer"}}, required=["n"])
    assert arguments.parse('{"n": 1, "more": [1.5]}') == {"n": 1, "more": [1.5]}
    assert arguments.values({"n": 1}) == {ARGUMENTS: {"n": 1}}
    assert arguments.names == ("n",)
    for wrong in ("{}", '{"n": "1"}', "[]", "not json", '{"n": NaN}'):
        with pytest.raises(ToolArgumentsError, match="odd was not called"):
            arguments.parse(wrong)
    with pytest.raises(ToolArgumentsError):
        arguments.values({})


def test_a_pattern_of_the_server_holds_nobody_up() -> None:
    arguments = made(properties={"t": {"type": "string", "pattern": "^(a+)+$"}})
    began = time.monotonic()
    arguments.parse({"t": "a" * 60 + "!"})
    assert time.monotonic() - began < 2
    assert made(properties={"pattern": {"type": "integer"}}).parse({"pattern": 1})
    with pytest.raises(ToolArgumentsError):
        made(properties={"pattern": {"type": "integer"}}).parse({"pattern": "1"})


def test_nothing_is_fetched_for_a_schema() -> None:
    with pytest.raises(ToolArgumentsError, match="cannot be applied"):
        made(properties={"a": {"$ref": "http://127.0.0.1:1/schema"}}).parse({"a": 1})


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"properties": 3}, {"description": "x" * 70_000}, {"required": "n"}],
)
def test_a_schema_that_is_none_is_refused(schema: dict[str, object]) -> None:
    with pytest.raises(InvalidError):
        SchemaArguments("odd", schema)


def test_a_schema_without_an_end_is_a_refusal() -> None:
    endless = made(**{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})
    with pytest.raises(ToolArgumentsError, match="cannot be applied"):
        endless.parse({"a": 1})


def test_names_stay_apart_though_they_are_made_safe() -> None:
    names = {tool_name("s", name) for name in ("a.b", "a_b", "a b", "x" * 90, "x" * 91, "a__b")}
    assert len(names) == 6
    assert "s__a_b" in names
