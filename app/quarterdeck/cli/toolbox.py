"""The tools of a workspace: what is listed, and whose probes are asked.

For now those that come with Quarterdeck; tools of settings and of Python join them here.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck_kernel import Tool


def tools_for(folder: Path) -> "tuple[Tool, ...]":
    """Return the tools, for files below a folder that exists."""
    from quarterdeck_kernel.tools.builtin.catalogue import builtin_tools
    from quarterdeck_kernel.tools.builtin.root import Root

    return builtin_tools(Root(folder))
