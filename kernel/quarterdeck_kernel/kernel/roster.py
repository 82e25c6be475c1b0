"""The roster: the agents of a workspace, as its settings, modules and plugins have them.

All that is wrong is told at once, a line each, before anything is opened: a module that raises, a
name that nobody has, agents that are sub-agents of each other. What comes from elsewhere and is not
there, a plugin or a server, costs the agents that need it, and nobody else.
"""

import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from quarterdeck_kernel import canonical
from quarterdeck_kernel.agent.skills import Skill, skill_from
from quarterdeck_kernel.agent.spec import RESERVED, AgentSpec
from quarterdeck_kernel.errors import NotFoundError, QuarterdeckError, SettingsError
from quarterdeck_kernel.plugins.plugin import Plugin
from quarterdeck_kernel.tools.tool import Tool

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings

T = TypeVar("T")


BUILTIN = "quarterdeck"
"""The source of what comes with Quarterdeck."""

SETTINGS = "quarterdeck.toml"


@dataclass(slots=True)
class Roster:
    """Agents, tools and skills by name, and where each agent and tool comes from.

    `left_out` says of agents why they cannot be used now; they stand in `agents` all the same.
    `clashes` are what plugins bring under a name that is taken.
    """

    agents: dict[str, AgentSpec] = field(default_factory=dict)
    tools: dict[str, Tool] = field(default_factory=dict)
    skills: dict[str, Skill] = field(default_factory=dict)
    agent_sources: dict[str, str] = field(default_factory=dict)
    tool_sources: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    clashes: list[str] = field(default_factory=list)

    def get(self, name: str) -> AgentSpec:
        """Return an agent, or say which was perhaps meant, or why it cannot be used."""
        if name in self.left_out:
            raise NotFoundError(self.left_out[name])
        if name in self.agents:
            return self.agents[name]
        raise NotFoundError(f"there is no agent {name[:80]!r}{nearest_of(name, self.agents)}")

    def settle(self, servers: Mapping[str, str | None], plugins: Iterable[Plugin] = ()) -> None:
        """Leave out the agents whose tools or skills are not there, and say why.

        `servers` are the MCP servers, each with why it is not there if it is not. Where nothing
        is missing but the name of a tool, whoever wrote the name is told.
        """
        absent = [plugin.trouble for plugin in plugins if plugin.trouble is not None]
        wrong: list[str] = []
        self.left_out = {}
        for spec in self.agents.values():
            reason = _missing(spec, self, servers, absent, wrong)
            if reason is not None:
                self.left_out[spec.name] = reason
        if wrong:
            wrong = [*dict.fromkeys(wrong)]
            raise SettingsError("\n".join(wrong), problems=tuple(wrong))


def roster_of(
    settings: "Settings | None", tools: Iterable[Tool] = (), plugins: Iterable[Plugin] = ()
) -> Roster:
    """Return the roster of some settings; `tools` are there besides those that modules bring.

    Whether the tools are there that its agents name is for `settle` to say.
    """
    roster = Roster(tools={tool.name: tool for tool in tools})
    roster.tool_sources = dict.fromkeys(roster.tools, BUILTIN)
    wrong: list[str] = []
    for plugin in plugins:
        _take(plugin.brings, f"plugin {plugin.name}", roster, roster.clashes)
    if settings is not None:
        for name in settings.all_modules:
            _take_module(name, roster, wrong)
        if not wrong:
            _Data(settings, roster, wrong).take()
    if wrong:
        raise SettingsError("\n".join(wrong), problems=tuple(wrong))
    return roster


# -- Python modules


def _take_module(name: str, roster: Roster, wrong: list[str]) -> None:
    try:
        module = imported(name)
    except FileNotFoundError:
        wrong.append(f"modules: there is no file {name!r}")
        return
    except ModuleNotFoundError as error:
        wrong.append(f"modules: {name!r} cannot be imported: {error.msg}")
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is people's code, and told to them
        wrong.append(f"modules: {name!r} raised {type(error).__name__} at its import: {error}")
        return
    _take(vars(module).values(), Path(name).name if name.endswith(".py") else name, roster, wrong)


def _take(values: Iterable[object], source: str, roster: Roster, wrong: list[str]) -> None:
    """Take the agents, tools and skills among some values."""
    for value in values:
        match value:
            case AgentSpec():
                _add(roster.agents, value.name, value, f"{source}: agent", wrong)
                roster.agent_sources.setdefault(value.name, source)
            case Tool():
                _add(roster.tools, value.name, value, f"{source}: tool", wrong)
                roster.tool_sources.setdefault(value.name, source)
            case Skill():
                _add(roster.skills, value.name, value, f"{source}: skill", wrong)
            case _:
                continue


def imported(name: str) -> ModuleType:
    """Return a module by its name, or a file of Python by its path."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    file = Path(name)
    if not file.is_file():
        raise FileNotFoundError(name)
    # Two files may have one name; neither may hide a module of that name.
    known_as = f"quarterdeck_agents_{file.stem}_{canonical.digest(name)[:8]}"
    spec = importlib.util.spec_from_file_location(known_as, file)
    assert spec is not None, "a file whose name ends in .py has a loader"
    assert spec.loader is not None, "a file whose name ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    # Annotations are looked up there, and so is the source that a tool's version comes from.
    sys.modules[known_as] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[known_as]
        raise
    return module


def _add(known: dict[str, T], name: str, value: T, what: str, wrong: list[str]) -> None:
    if known.setdefault(name, value) != value:
        wrong.append(f"{what} {name!r} is there already; rename one of them")


# -- agents as data


class _Data:
    """Turns sections into agents: sub-agents first."""

    def __init__(self, settings: "Settings", roster: Roster, wrong: list[str]) -> None:
        self._sections = settings.agent_sections
        self._roster = roster
        self._wrong = wrong
        self._of_modules = set(roster.agents)
        self._names = {*self._sections, *roster.agents}

    def take(self) -> None:
        for name in self._sections:
            if name in self._of_modules:
                self._wrong.append(f"agents.{name}: a module has an agent of that name, too")
            else:
                self._spec(name, ())

    def _spec(self, name: str, above: tuple[str, ...]) -> AgentSpec | None:
        if name in self._roster.agents:
            return self._roster.agents[name]
        if name in above:
            circle = " -> ".join((*above[above.index(name) :], name))
            self._wrong.append(f"agents.{name}.sub_agents: it would be its own: {circle}")
            return None
        section = self._sections[name]
        children: list[AgentSpec] = []
        for child in section.sub_agents:
            if child not in self._names:
                hint = nearest_of(child, self._names)
                self._wrong.append(f"agents.{name}.sub_agents: there is no agent {child!r}{hint}")
                continue
            spec = self._spec(child, (*above, name))
            if spec is None:
                return None
            children.append(spec)
        skills = tuple(self._skill(name, skill) for skill in section.skills)
        try:
            spec = section.spec(name, tuple(children), skills)
        except ValidationError as error:
            said = "; ".join(found["msg"].removeprefix("Value error, ") for found in error.errors())
            self._wrong.append(f"agents.{name}: {said}")
            return None
        self._roster.agents[name] = spec
        self._roster.agent_sources[name] = SETTINGS
        return spec

    def _skill(self, agent: str, name: str) -> str:
        """Return the name of a skill; a folder is read for it."""
        if "/" not in name:
            return name
        try:
            skill = skill_from(Path(name))
        except QuarterdeckError as error:
            self._wrong.append(f"agents.{agent}.skills: {error}")
            return name
        _add(self._roster.skills, skill.name, skill, f"agents.{agent}: skill", self._wrong)
        return skill.name


# -- what is missing


def _missing(
    spec: AgentSpec,
    roster: Roster,
    servers: Mapping[str, str | None],
    absent: Sequence[str],
    wrong: list[str],
) -> str | None:
    """Return why an agent cannot be used; what can only be a slip of the pen is `wrong`."""
    for name in sorted(spec.rights - roster.tools.keys() - RESERVED):
        server = next((each for each in servers if name.startswith(f"{each}__")), None)
        down = servers[server] if server is not None else None
        if down is not None:
            return f"agent {spec.name!r} needs the MCP server {server!r}, which is down: {down}"
        hint = nearest_of(name, roster.tools)
        if server is not None or absent:
            why = absent[0] if server is None else f"the MCP server {server!r} has none such"
            return f"agent {spec.name!r} needs the tool {name!r}, and there is none: {why}{hint}"
        wrong.append(f"agents.{spec.name}.tools: there is no tool {name!r}{hint}")
    for name in spec.skills:
        if name in roster.skills:
            continue
        if absent:
            return f"agent {spec.name!r} needs the skill {name!r}, and there is none: {absent[0]}"
        hint = nearest_of(name, roster.skills)
        wrong.append(f"agents.{spec.name}.skills: there is no skill {name!r}{hint}")
    for child in spec.sub_agents:
        reason = _missing(child, roster, servers, absent, wrong)
        if reason is not None:
            return f"agent {spec.name!r} has a sub-agent that cannot be used: {reason}"
    return None


def nearest_of(name: str, names: Collection[str]) -> str:
    """Return the end of a sentence that says what was perhaps meant."""
    from quarterdeck_kernel.settings.problems import nearest  # noqa: PLC0415 - only in an error

    return nearest(name, names)
