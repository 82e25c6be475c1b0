"""A workspace with all that its settings name: models, tools, skills, agents."""

from pathlib import Path

from quarterdeck_kernel.agent.spec import RESERVED
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import StoreMissingError
from quarterdeck_kernel.kernel.configured import settings_of
from quarterdeck_kernel.kernel.guarding import FILES
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.modelling import models_of
from quarterdeck_kernel.kernel.roster import Roster, roster_of
from quarterdeck_kernel.kernel.wiring import Wiring
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.builtin.catalogue import builtin_tools
from quarterdeck_kernel.tools.builtin.root import Root


class Equipped(Kernel):
    """A kernel that has the tools which come with Quarterdeck, and a workspace's agents."""

    roster: Roster

    @property
    def default_model(self) -> str:
        """Return the model of agents that name none; empty if there is none."""
        return self._model_name

    @classmethod
    async def of(cls, workspace: Path, *, clock: Clock | None = None) -> "Equipped":
        """Open a workspace folder. What is wrong with its settings is told before that."""
        wiring, roster = _wired(workspace)
        wiring["clock"] = clock
        return _manned(await cls.open(workspace, **wiring), roster)

    @classmethod
    def upon(cls, store: EventStore, workspace: Path) -> "Equipped":
        """Return one upon a store of the folder that is open already; `close` closes that, too."""
        wiring, roster = _wired(workspace)
        return _manned(cls(store, **wiring), roster)


def _manned(kernel: Equipped, roster: Roster) -> Equipped:
    for skill in roster.skills.values():
        kernel.skill(skill)
    for spec in roster.agents.values():
        kernel.agent(kernel.on_tiers(spec))
    kernel.roster = roster
    return kernel


def _wired(workspace: Path) -> tuple[Wiring, Roster]:
    settings = settings_of(workspace)
    files = _files_of(workspace)
    own = [tool for tool in builtin_tools(Root(files)) if tool.name not in RESERVED]
    roster = roster_of(settings, own)
    wiring = Wiring(
        settings=settings,
        model=models_of(settings),
        model_name=(settings.model if settings is not None else None) or "",
        tools=roster.tools.values(),
        root=files,
    )
    return wiring, roster


def _files_of(workspace: Path) -> Path:
    if not workspace.is_dir():
        raise StoreMissingError(f"there is no folder {str(workspace)!r}; name a workspace")
    files = workspace / FILES
    files.mkdir(exist_ok=True)
    return files
