"""A workspace: the folder with the database and `files/`."""

from dataclasses import dataclass
from pathlib import Path

from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.store.port import EventStore


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of a workspace lies. `readonly`: its store refuses all that changes it."""

    folder: Path
    readonly: bool = False

    @property
    def files(self) -> Path:
        """Return the folder that tools see; they see nothing else."""
        return self.folder / "files"

    async def open(self, *, create: bool = True) -> EventStore:
        """Open the store of the workspace."""
        return await open_store(self.folder, create=create, readonly=self.readonly)
