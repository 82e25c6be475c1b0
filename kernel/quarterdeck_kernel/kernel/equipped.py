"""A workspace with all that its settings name: models, tools, skills, agents, servers, plugins.

The one way in which commands, workers and the screen come to know what a workspace has.
"""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from quarterdeck_kernel.agent.spec import RESERVED, AgentSpec
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.router import Router
from quarterdeck_kernel.engine.secrets import PREFIX, environment
from quarterdeck_kernel.errors import SettingsError, StoreMissingError
from quarterdeck_kernel.kernel.configured import loaded_of
from quarterdeck_kernel.kernel.guarding import FILES
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.modelling import models_of
from quarterdeck_kernel.kernel.offline import OFFLINE, starter
from quarterdeck_kernel.kernel.roster import BUILTIN, Roster, nearest_of, roster_of
from quarterdeck_kernel.kernel.wiring import Wiring
from quarterdeck_kernel.plugins.plugin import Plugin, plugins_of
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.builtin.catalogue import builtin_tools
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.mcp.health import Health
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.vocabulary.budgets import Budgets

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.loading import Loaded
    from quarterdeck_kernel.settings.settings import Settings
    from quarterdeck_kernel.tools.mcp.source import McpSource

LOGS = "quarterdeck.logs"
"""Of a workspace: the folder for what MCP servers complain of."""


class Equipment:
    """What a workspace has, read from its settings; its servers are reached with `start`.

    `servers` says how they fared then.
    What is wrong with the settings is told by making one, before anything is opened.
    """

    def __init__(
        self, workspace: Path, *, clock: Clock | None = None, looking: bool = False
    ) -> None:
        """Read the settings, and import what they name. The folder must be there.

        Who is only `looking` sees the plugins that nobody enabled, too, and makes no folders.
        """
        self._loaded = _loaded_of(workspace)
        self.settings: Settings = self._loaded.settings
        self._clock = clock
        self.files = _files_of(workspace, make=not looking)
        own = [
            tool
            for tool in builtin_tools(_root(workspace, self.files))
            if tool.name not in RESERVED
        ]
        self.plugins: tuple[Plugin, ...] = plugins_of(self.settings.plugins, all_installed=looking)
        self.servers: tuple[Health, ...] = ()
        self._source = _source(workspace, self.settings, clock)
        with self._placing():
            self._model = models_of(self.settings)
            self.roster: Roster = roster_of(self.settings, own, self.plugins)
            if not self.roster.agents:
                agent = starter()
                self.roster.agents[agent.name] = agent
                self.roster.agent_sources[agent.name] = BUILTIN
            self.roster.tools = {n: self._bound(t) for n, t in self.roster.tools.items()}
            self._settle(self.settings.mcp)

    @property
    def offline_models(self) -> frozenset[str]:
        """Return the models that are scripts or files here, and so need no key."""
        models = self.settings.models
        scripts = {name for name, said in models.items() if (said.script or said.gguf) is not None}
        return frozenset(scripts | ({OFFLINE} - models.keys()))

    def model_of(self, spec: AgentSpec) -> str | None:
        """Return the model that a run of an agent begins with, if any is named."""
        tiers = self.settings.tiers.models(self.settings.models)
        return Router(tiers).resolved(spec.model, spec.tier) or self.settings.model

    def health(self) -> tuple[Health, ...]:
        """Return how the MCP servers fare now."""
        return self._source.health() if self._source is not None else ()

    @property
    def troubles(self) -> tuple[str, ...]:
        """Return what is not there of what the settings name: a sentence each."""
        servers = [
            f"MCP server {each.server!r} is down: {each.last_error}"
            for each in self.servers
            if not each.connected
        ]
        plugins = [each.trouble for each in self.plugins if each.trouble is not None]
        return (
            *plugins,
            *self.roster.clashes,
            *servers,
            *self._unknown_to_servers(),
            *self._unset_secrets(),
        )

    def _unknown_to_servers(self) -> Iterator[str]:
        known = self.roster.tools
        for server in (each.server for each in self.servers if each.connected):
            for name in self.settings.tools.keys() - known.keys():
                if name.startswith(f"{server}__"):
                    hint = nearest_of(name, known)
                    yield f"tools.{name}: the MCP server {server!r} has none such{hint}"

    def _unset_secrets(self) -> Iterator[str]:
        held = environment()
        for name in sorted(
            {name for said in self.settings.tools.values() for name in said.secrets}
        ):
            if name not in held:
                yield f"the secret {name!r} is not set here; give it as {PREFIX}{name}"

    async def start(self) -> Self:
        """Reach the MCP servers, and know their tools. Nobody waits for one that is down."""
        if self._source is None:
            return self
        try:
            for tool in map(self._bound, await self._source.start()):
                if self.roster.tools.setdefault(tool.name, tool) is tool:
                    server = (tool.capability or "").removeprefix("mcp:")
                    self.roster.tool_sources[tool.name] = f"MCP server {server}"
            self.servers = self._source.health()
            with self._placing():
                self._settle()
        except BaseException:
            await self.close()
            raise
        return self

    def _settle(self, unasked: Iterable[str] = ()) -> None:
        servers: dict[str, str | None] = dict.fromkeys(unasked, "it was not asked here")
        for each in self.servers:
            servers[each.server] = None if each.connected else each.last_error or "no answer yet"
        self.roster.settle(servers, self.plugins)
        self._check_bound()

    def _bound(self, tool: Tool) -> Tool:
        """Return a tool that may be sent the secrets of its section, too."""
        said = self.settings.tools.get(tool.name)
        return tool if said is None else replace(tool, secrets=tool.secrets.union(said.secrets))

    def _check_bound(self) -> None:
        """Refuse a section of a tool that nobody has, where nothing is missing but its name."""
        if any(plugin.trouble is not None for plugin in self.plugins):
            return
        wrong = tuple(
            f"tools.{name}: there is no tool {name!r}{nearest_of(name, self.roster.tools)}"
            for name in self.settings.tools
            if name not in self.roster.tools
            and not any(name.startswith(f"{server}__") for server in self.settings.mcp)
        )
        if wrong:
            raise SettingsError("\n".join(wrong), problems=wrong)

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """Tell of what is wrong in which file and line it is named."""
        try:
            yield
        except SettingsError as error:
            wrong = tuple(map(self._loaded.placed, error.problems))
            raise SettingsError("\n".join(wrong), problems=wrong) from error

    async def close(self) -> None:
        """Let the MCP servers go."""
        if self._source is not None:
            await self._source.close()

    def wiring(self) -> Wiring:
        """Return what a kernel is made of that has all this."""
        settings = self.settings
        return {
            "settings": settings,
            "model": self._model,
            "model_name": settings.model or "",
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
        return await cls.with_all(workspace, await Equipment(workspace, clock=clock).start())

    @classmethod
    async def with_all(cls, workspace: Path, equipment: Equipment) -> "Equipped":
        """Open a workspace folder whose equipment was made already; it goes with the kernel."""
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


def _loaded_of(workspace: Path) -> "Loaded":
    """Return the settings; where there are no files, what holds then."""
    found = loaded_of(workspace)
    if found is not None:
        return found
    from quarterdeck_kernel.settings.loading import Loaded  # noqa: PLC0415 - it takes a moment
    from quarterdeck_kernel.settings.settings import Settings  # noqa: PLC0415 - likewise

    return Loaded(Settings())


def _root(workspace: Path, files: Path) -> Root:
    return Root(files, private=[workspace] if files != workspace else ())


def _source(workspace: Path, settings: "Settings", clock: Clock | None) -> "McpSource | None":
    if not settings.mcp:
        return None
    from quarterdeck_kernel.tools.mcp.source import McpSource  # noqa: PLC0415 - few have any

    servers = [said.server(name) for name, said in settings.mcp.items()]
    return McpSource(servers, clock=clock, logs=workspace / LOGS)


def _files_of(workspace: Path, *, make: bool) -> Path:
    if not workspace.is_dir():
        place = shlex.quote(str(workspace))
        raise StoreMissingError(
            f"there is no folder {str(workspace)!r}; make it with `mkdir -m 700 {place}`, or name "
            "a workspace"
        )
    files = workspace / FILES
    if make:
        files.mkdir(mode=0o700, exist_ok=True)
    # Nothing is called where somebody only looks, so that any folder will do.
    return files if files.is_dir() else workspace
