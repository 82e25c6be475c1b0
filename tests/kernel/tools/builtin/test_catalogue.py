"""All built-in tools together: declared truthfully, and cheap to have."""

import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck_kernel import Tool
from quarterdeck_kernel.tools.builtin.catalogue import APPROVED, CAPABILITIES, builtin_tools
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.toolbox import ToolBox

SAID = {
    "ask": ("read", None, "low"),
    "change_sql": ("once", "change_sql", "high"),
    "delete_file": ("idempotent", "write_files", "high"),
    "edit_file": ("idempotent", "write_files", "medium"),
    "finish": ("read", None, "low"),
    "http_get": ("read", "http", "medium"),
    "http_send": ("once", "http", "high"),
    "list_files": ("read", "read_files", "low"),
    "note": ("read", None, "low"),
    "plan": ("read", None, "low"),
    "query_sql": ("read", "query_sql", "low"),
    "read_file": ("read", "read_files", "low"),
    "search_files": ("read", "read_files", "low"),
    "shell": ("once", "shell", "high"),
    "think": ("read", None, "low"),
    "write_file": ("idempotent", "write_files", "medium"),
}


@pytest.fixture
def tools(tmp_path: Path) -> tuple[Tool, ...]:
    return builtin_tools(Root(tmp_path))


def test_each_declares_what_it_does(tools: tuple[Tool, ...]) -> None:
    assert {tool.name: (tool.effect, tool.capability, tool.risk) for tool in tools} == SAID
    assert {tool.capability for tool in tools} - {None} == CAPABILITIES
    assert APPROVED < CAPABILITIES
    for tool in tools:
        assert tool.has_preview or tool.effect == "read", "what changes something shows it first"


def test_each_parameter_is_described(tools: tuple[Tool, ...]) -> None:
    for tool in tools:
        properties = tool.schema.parameters["properties"]
        assert isinstance(properties, dict)
        for name, said in properties.items():
            assert isinstance(said, dict)
            assert said.get("description"), f"{tool.name} says nothing of {name}"
        assert tool.description
        assert "context" not in properties


def test_equal_roots_give_equal_tools(tmp_path: Path) -> None:
    ours, theirs = (ToolBox(builtin_tools(Root(tmp_path))) for _ in range(2))
    for name in ours.names():
        assert ours.get(name).digest() == theirs.get(name).digest()


def test_having_them_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom quarterdeck_kernel.tools.builtin import catalogue\n"
        "catalogue.builtin_tools(catalogue.Root('/tmp'))\nprint(*sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert not {"httpx", "httpx2", "regex", "mcp", "litellm"} & set(answer.stdout.split())
