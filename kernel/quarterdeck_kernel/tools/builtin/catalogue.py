"""All tools that come with Quarterdeck, for one root."""

from collections.abc import Collection, Mapping
from typing import Final

from quarterdeck_kernel.tools.builtin.change_files import change_files_tools
from quarterdeck_kernel.tools.builtin.control import control_tools
from quarterdeck_kernel.tools.builtin.http import http_tools
from quarterdeck_kernel.tools.builtin.list_files import list_files_tool
from quarterdeck_kernel.tools.builtin.read_file import read_file_tool
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.search_files import search_files_tool
from quarterdeck_kernel.tools.builtin.shell import shell_tool
from quarterdeck_kernel.tools.builtin.sql import sql_tools
from quarterdeck_kernel.tools.builtin.thinking import thinking_tools
from quarterdeck_kernel.tools.tool import Tool

CAPABILITIES: Final = frozenset(
    {"read_files", "write_files", "query_sql", "change_sql", "http", "shell"}
)
"""What a tenant needs to use all of them."""

APPROVED: Final = frozenset({"shell", "http", "change_sql"})
"""Those whose use a person approves unless a policy says otherwise."""

WRITING: Final = frozenset({"write_files"})
"""Those for which the same holds where nobody was given them."""


def builtin_tools(
    root: Root,
    *,
    environment: Mapping[str, str] | None = None,
    private_hosts: Collection[str] = (),
) -> tuple[Tool, ...]:
    """Return all tools, with the control tools, which the agent's loop answers itself.

    `environment` is what commands see besides little; `private_hosts` may be asked over HTTP.
    """
    return (
        list_files_tool(root),
        read_file_tool(root),
        search_files_tool(root),
        *change_files_tools(root),
        shell_tool(root, environment=environment),
        *http_tools(private_hosts=private_hosts),
        *sql_tools(root),
        *thinking_tools(),
        *control_tools(),
    )
