"""What a store knows of a run, and of the workspace as a whole."""

from dataclasses import dataclass
from typing import Final

from quarterdeck_kernel.store.batch import Head

NO_LINK: Final = "0" * 64
"""What stands for the link of a workspace without events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """Whose run it is, where its log ends, and the event it was forked from."""

    run_id: str
    tenant: str
    head: Head
    parent: Head | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A link of the chain over all runs of a workspace.

    Kept elsewhere, one such line is enough to notice later that anything before it was cut off,
    rolled back or exchanged.
    """

    workspace_id: str
    position: int
    link: str

    def __str__(self) -> str:
        """Return the line to be kept elsewhere."""
        return f"{self.workspace_id} {self.position} {self.link}"

    @classmethod
    def parse(cls, line: str) -> "Checkpoint | None":
        """Return the checkpoint that a line holds, or None if it holds none."""
        match line.split():
            case [workspace_id, position, link] if position.isdecimal() and len(link) == 64:  # noqa: PLR2004 - a SHA-256 in hexadecimal
                return cls(workspace_id=workspace_id, position=int(position), link=link)
            case _:
                return None
