"""A workspace with all that its settings name: models, tools, skills, agents."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from quarterdeck_kernel.agent.spec import RESERVED
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import StoreMissingError
from quarterdeck_kernel.kernel.configured import settings_of
from quarterdeck_kernel.kernel.guarding import FILES
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.modelling import models_of
from quarterdeck_kernel.kernel.offline import OFFLINE, starter
from quarterdeck_kernel.kernel.roster import BUILTIN, Roster, roster_of
from quarterdeck_kernel.kernel.wiring import Wiring
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.builtin.catalogue import builtin_tools
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.mcp.health import Health
from quarterdeck_kernel.vocabulary.budgets import Budgets

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings


class Equipment:
    """What a workspace has, read from its settings."""

    def __init__(self, workspace: Path, *, clock: Clock | None = None) -> None:
        """Read the settings, and import what they name. The folder must be there."""
        self.settings: Settings | None = settings_of(workspace)
        self._clock = clock
        self.files = files = _files_of(workspace)
        own = [tool for tool in builtin_tools(Root(files)) if tool.name not in RESERVED]
        self.roster: Roster = roster_of(self.settings, own)
        if not self.roster.agents:
            agent = starter()
            self.roster.agents[agent.name] = agent
            self.roster.agent_sources[agent.name] = BUILTIN

    @property
    def offline_models(self) -> frozenset[str]:
        """Return the models that are scripts, and so need no key."""
        models = self.settings.models if self.settings is not None else {}
        scripts = {name for name, said in models.items() if said.script is not None}
        return frozenset(scripts | ({OFFLINE} - models.keys()))

    def health(self) -> tuple[Health, ...]:
        """Return how the MCP servers fare; there are none to tell of before `start`."""
        return ()

    async def start(self) -> Self:
        """Reach the MCP servers."""
        return self

    async def close(self) -> None:
        """Let the MCP servers go."""

    def wiring(self) -> Wiring:
        """Return what a kernel is made of that has all this."""
        settings = self.settings
        return {
            "settings": settings,
            "model": models_of(settings),
            "model_name": (settings.model if settings is not None else None) or "",
            "tools": self.roster.tools.values(),
            "clock": self._clock,
            "root": self.files,
        }


class Equipped(Kernel):
    """A kernel that has the tools which come with Quarterdeck, and a workspace's agents."""

    equipment: Equipment

    @property
    def roster(self) -> Roster:
        """Return the agents, tools and skills of the workspace."""
        return self.equipment.roster

    @property
    def default_model(self) -> str:
        """Return the model of agents that name none; empty if there is none."""
        return self._model_name

    @property
    def budgets(self) -> Budgets:
        """Return the bounds that its settings put upon what is used together."""
        return self._budgets

    @classmethod
    async def of(cls, workspace: Path, *, clock: Clock | None = None) -> "Equipped":
        """Open a workspace folder. What is wrong with its settings is told before that."""
        equipment = await Equipment(workspace, clock=clock).start()
        try:
            kernel = await cls.open(workspace, **equipment.wiring())
        except BaseException:
            await equipment.close()
            raise
        return kernel.having(equipment)

    @classmethod
    def upon(cls, store: EventStore, equipment: Equipment) -> "Equipped":
        """Return a kernel upon a store that is open. It closes both with itself."""
        return cls(store, **equipment.wiring()).having(equipment)

    def having(self, equipment: Equipment) -> Self:
        """Know the agents and skills of a workspace, and close what it has with the kernel."""
        self.equipment = equipment
        for skill in equipment.roster.skills.values():
            self.skill(skill)
        for name, spec in equipment.roster.agents.items():
            if name not in equipment.roster.left_out:
                self.agent(self.on_tiers(spec))
        return self

    async def close(self) -> None:
        """Close the kernel, then let the MCP servers go."""
        try:
            await super().close()
        finally:
            await self.equipment.close()


def _files_of(workspace: Path) -> Path:
    if not workspace.is_dir():
        raise StoreMissingError(f"there is no folder {str(workspace)!r}; name a workspace")
    files = workspace / FILES
    files.mkdir(exist_ok=True)
    return files
