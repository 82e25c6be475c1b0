"""The tool that lists files."""

from typing import Annotated

from pydantic import Field, JsonValue

from quarterdeck_kernel.tools.builtin.bounds import LISTED
from quarterdeck_kernel.tools.builtin.glob import Glob
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.walk import Entry, Walk
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of


def list_files_tool(root: Root) -> Tool:
    """Return the tool."""

    def list_files(
        folder: str = ".",
        pattern: str | None = None,
        recursive: bool = False,  # noqa: FBT001, FBT002 - a model gives it by name
        after: str = "",
        limit: Annotated[int, Field(ge=1, le=LISTED)] = LISTED,
    ) -> dict[str, JsonValue]:
        """List the files and folders in a folder, sorted by path.

        Args:
            folder: the folder, from the root on
            pattern: only what fits, such as "*.py" or "src/**/test_*.py"; searches below, too
            recursive: also list what is in the folders below
            after: only what comes behind this path: to go on where a listing was cut
            limit: the most entries to list
        """
        glob = Glob(pattern) if pattern is not None else None
        base = root.parts(folder)
        behind = root.parts(after)
        walk = Walk(root, recursive=recursive or glob is not None)
        found: list[JsonValue] = []
        more = False
        for entry in walk.entries(base):
            if entry.names <= behind or (glob and not glob.matches(entry.names[len(base) :])):
                continue
            if len(found) == limit:
                more = True
                break
            found.append(_told(entry))
        told: dict[str, JsonValue] = {"folder": "/".join(base) or ".", "entries": found}
        if more or walk.stopped:
            told["cut"] = True
        if walk.skipped:
            told["not_entered"] = [*walk.skipped[:20]]
        return told

    return tool_of(list_files, effect="read", capability="read_files", version="1", timeout_s=60)


def _told(entry: Entry) -> JsonValue:
    told: dict[str, JsonValue] = {"path": entry.path, "kind": entry.kind}
    if entry.kind == "file":
        told["size"] = entry.status.st_size
    return told
