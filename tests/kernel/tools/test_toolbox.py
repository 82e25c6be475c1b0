"""The box of tools: names, order, and who is meant."""

import functools

import pytest

from quarterdeck_kernel.errors import InvalidError, NotFoundError, UnknownToolError
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.tools.toolbox import ToolBox


def read_file(path: str) -> str:
    """Read."""
    return path


def write_file(path: str, text: str) -> None:
    """Write."""


def box() -> ToolBox:
    return ToolBox([tool_of(write_file), tool_of(read_file)])


def test_tools_are_found_by_name_and_listed_in_one_order() -> None:
    there = box()
    other = ToolBox([tool_of(read_file), tool_of(write_file)])
    assert there.names() == other.names() == ("read_file", "write_file")
    assert there.schemas() == other.schemas()
    assert there.get("read_file") == tool_of(read_file)
    assert [schema.name for schema in there.schemas(["write_file"])] == ["write_file"]
    assert there.schemas(["write_file", "read_file", "read_file"]) == there.schemas()
    assert there.schemas([]) == ()


def test_the_same_tool_twice_is_one() -> None:
    there = box()
    there.add(tool_of(read_file))
    assert there.names() == ("read_file", "write_file")


def made(place: str) -> Tool:
    def look() -> str:
        """Look."""
        return place

    return tool_of(look)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (tool_of(read_file), tool_of(write_file, name="read_file")),
        (tool_of(read_file), tool_of(read_file, effect="read")),
        (tool_of(read_file), tool_of(read_file, capability="files")),
        (tool_of(read_file), tool_of(read_file, version="2")),
        (tool_of(read_file), tool_of(read_file, preview=lambda path: path)),
        # The same source and another closure: they would act on different things.
        (made("here"), made("there")),
    ],
)
def test_another_tool_of_the_same_name_is_refused(first: Tool, second: Tool) -> None:
    there = ToolBox([first])
    with pytest.raises(InvalidError, match="another tool named"):
        there.add(second)
    assert there.get(first.name) is first


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    with pytest.raises(UnknownToolError) as caught:
        box().get("readfile")
    assert str(caught.value) == (
        "there is no tool 'readfile'; did you mean 'read_file'? "
        "(there are: 'read_file', 'write_file')"
    )
    assert isinstance(caught.value, NotFoundError)
    with pytest.raises(UnknownToolError):
        box().schemas(["read_file", "nothing"])


def test_the_message_is_short_however_many_and_long_the_names() -> None:
    many = ToolBox(tool_of(read_file, name=f"tool_{i:04}") for i in range(500))
    with pytest.raises(UnknownToolError, match="500 in all") as caught:
        many.get("x" * 1_000_000 + "\x1b[2J\ud800")
    assert len(str(caught.value)) < 2_000
    assert "\x1b" not in str(caught.value)
    with pytest.raises(UnknownToolError, match="nothing"):
        ToolBox().get("x")


def test_a_digest_changes_with_what_decides_what_a_call_does() -> None:
    first = tool_of(read_file)
    assert first.digest() == tool_of(read_file).digest() == tool_of(read_file, risk="high").digest()
    others = [
        tool_of(read_file, name="other"),
        tool_of(read_file, version="2"),
        tool_of(read_file, effect="read"),
        tool_of(functools.partial(write_file, text="a"), name="read_file", version=first.version),
    ]
    digests = {tool.digest() for tool in others}
    assert first.digest() in digests or len(digests) == 3
