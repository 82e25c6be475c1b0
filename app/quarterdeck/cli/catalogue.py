"""`quarterdeck agents`, `tools` and `models`: who works here, with what."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import one_sentence
from quarterdeck.cli.equipping import equipment_of
from quarterdeck.cli.fields import (
    AgentFields,
    AgentsFields,
    ModelFields,
    ModelsFields,
    ServerFields,
    ToolFields,
    ToolsFields,
)
from quarterdeck.cli.local import setup_local
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import Cell, say, say_json, say_table
from quarterdeck.cli.session import reading
from quarterdeck.views.model_keys import key_variable

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore, LedgerEntry, Tool
    from quarterdeck_kernel.kernel.roster import Roster
    from quarterdeck_kernel.settings.settings import Settings
    from quarterdeck_kernel.tools.mcp.health import Health

_OPEN = frozenset({"queued", "running"})
_WAITING = frozenset({"unknown", "waiting"})


@click.command(short_help="List the agents of the workspace, and what they used.")
@workspace_option
@json_option(AgentsFields)
def agents(*, workspace: Path, as_json: bool) -> None:
    """List the agents that are configured here and those that have worked, with what they used."""
    found = _with_configured(_worked(workspace), equipment_of(workspace).roster)
    if as_json:
        say_json(AgentsFields(agents=found))
        return
    from quarterdeck.views.plain import plain
    from quarterdeck_kernel.kernel.roster import BUILTIN

    say_table(
        ("AGENT", "RUNS", "OPEN", "WAITING", "COST USD", "FROM"),
        [
            [
                Cell(plain(each["name"])),
                *(Cell(f"{number:,}", right=True) for number in (each["runs"], each["open"])),
                Cell(f"{each['waiting']:,}", "yellow" if each["waiting"] else None, right=True),
                Cell(_cost(each), right=True),
                Cell(
                    plain(each["source"] or "its runs alone"), "yellow" if each["trouble"] else None
                ),
            ]
            for each in found
        ],
    )
    _say_troubles([each["trouble"] for each in found if each["trouble"] is not None])
    if all(each["source"] in {BUILTIN, None} for each in found):
        say("write one of your own as [agents.NAME] in quarterdeck.toml")


def _say_troubles(troubles: Iterable[str]) -> None:
    from quarterdeck.views.plain import plain

    for trouble in troubles:
        say(f"{click.style('!', fg='yellow')} {plain(trouble)}")


def _worked(workspace: Path) -> list[AgentFields]:
    """Return the agents that have worked here; none where nothing was begun yet."""
    from quarterdeck_kernel.kernel.opening import is_fresh

    return [] if is_fresh(workspace) else reading(workspace, _agents)


def _with_configured(worked: list[AgentFields], roster: "Roster") -> list[AgentFields]:
    found = {each["name"]: each for each in worked}
    for name, spec in roster.agents.items():
        each = found.setdefault(name, _agent(name, None))
        each["source"] = roster.agent_sources[name]
        each["trouble"] = roster.left_out.get(name)
        each["model"] = spec.model
        each["tools"] = sorted(spec.rights)
    return [found[name] for name in sorted(found)]


async def _agents(store: "EventStore") -> list[AgentFields]:
    from quarterdeck_kernel import Decisions

    used = {entry.agent: entry for entry in await Decisions(store).ledger("agent")}
    found: dict[str, AgentFields] = {}
    after: str | None = None
    while True:
        page = await store.fleet(after=after)
        for row in page.rows:
            each = found.get(row.agent)
            if each is None:
                each = found[row.agent] = _agent(row.agent, used.get(row.agent))
            each["runs"] += 1
            each["open"] += row.status in _OPEN
            each["waiting"] += row.need in _WAITING
        after = page.after
        if after is None:
            return [found[name] for name in sorted(found)]


def _agent(name: str, used: "LedgerEntry | None") -> AgentFields:
    return AgentFields(
        name=name,
        source=None,
        trouble=None,
        model=None,
        tools=[],
        runs=0,
        open=0,
        waiting=0,
        cost_usd=f"{used.cost:f}" if used is not None else "0",
        unknown_costs=used.unknown_costs if used is not None else 0,
        model_calls=used.model_calls if used is not None else 0,
        tool_calls=used.tool_calls if used is not None else 0,
    )


def _cost(used: AgentFields | ModelFields) -> str:
    return f"{'≥' if used['unknown_costs'] else ''}{used['cost_usd']}"


@click.command(short_help="List the tools of the workspace, and its MCP servers.")
@workspace_option
@json_option(ToolsFields)
def tools(*, workspace: Path, as_json: bool) -> None:
    """List the tools there are: what they do to the world, what they need, where they are from.

    MCP servers are asked for theirs; one that is down is told of.
    """
    from quarterdeck.views.plain import plain

    equipment = equipment_of(workspace)
    roster = equipment.roster
    if as_json:
        found = [_tool(tool, roster.tool_sources[tool.name]) for tool in roster.tools.values()]
        servers = [_server(each) for each in equipment.servers]
        say_json(ToolsFields(tools=found, servers=servers, troubles=[*equipment.troubles]))
        return
    say_table(
        ("TOOL", "EFFECT", "RISK", "CAPABILITY", "FROM", "WHAT IT DOES"),
        [
            [
                Cell(tool.name),
                Cell(tool.effect),
                Cell(tool.risk, {"high": "red", "medium": "yellow"}.get(tool.risk)),
                Cell(tool.capability or "-"),
                Cell(plain(roster.tool_sources[tool.name])),
                Cell(plain(tool.description.partition("\n")[0])),
            ]
            for tool in roster.tools.values()
        ],
    )
    for tool in roster.tools.values():
        if tool.secrets:
            say(f"{tool.name} may be sent the secrets {', '.join(sorted(tool.secrets))}")
    for server in equipment.servers:
        if server.connected:
            say(f"MCP server {server.server} is there, with {server.tools:,} tools")
        for left_out in server.left_out:
            say(f"MCP server {server.server}: {plain(left_out)}")
    _say_troubles(equipment.troubles)


def _server(each: "Health") -> ServerFields:
    return ServerFields(
        name=each.server,
        connected=each.connected,
        tools=each.tools,
        trouble=each.last_error,
        left_out=[*each.left_out],
    )


def _tool(tool: "Tool", source: str) -> ToolFields:
    return ToolFields(
        name=tool.name,
        source=source,
        description=tool.description,
        effect=tool.effect,
        risk=tool.risk,
        capability=tool.capability,
        probe=tool.has_probe,
        preview=tool.has_preview,
        version=tool.version,
        secrets=sorted(tool.secrets),
        parameters=tool.schema.parameters,
    )


@click.group(
    short_help="List the models there are, or set one up on this machine.",
    invoke_without_command=True,
)
@workspace_option
@json_option(ModelsFields)
@click.pass_context
def models(context: click.Context, *, workspace: Path, as_json: bool) -> None:
    """List the models of the settings and those that were asked here; of keys, only the names."""
    if context.invoked_subcommand is not None:
        return
    from quarterdeck_kernel.kernel.opening import is_fresh
    from quarterdeck_kernel.settings.loading import load_settings

    with one_sentence():
        settings = load_settings(workspace).settings
    # Settings come before the first run, and looking makes no store.
    used = {} if is_fresh(workspace) else reading(workspace, _asked)
    found = [_model(name, settings, used.get(name)) for name in sorted({*settings.models, *used})]
    if as_json:
        say_json(ModelsFields(models=found))
    elif found:
        from quarterdeck.views.plain import plain

        say_table(
            ("MODEL", "TIER", "KEY", "CALLS", "COST USD"),
            [
                [
                    Cell(plain(each["name"])),
                    Cell(each["tier"] or "-"),
                    _key(each),
                    Cell(f"{each['model_calls']:,}", right=True),
                    Cell(_cost(each), right=True),
                ]
                for each in found
            ],
        )
    else:
        say("the settings name no models, and none was asked here yet")


async def _asked(store: "EventStore") -> dict[str, "LedgerEntry"]:
    from quarterdeck_kernel import Decisions

    entries = await Decisions(store).ledger("name", kind="model")
    return {entry.name: entry for entry in entries if entry.name}


def _model(name: str, settings: "Settings", used: "LedgerEntry | None") -> ModelFields:
    known = settings.models.get(name)
    variable = key_variable(name)
    prices = (known.input_usd, known.output_usd) if known is not None else (None, None)
    return ModelFields(
        name=name,
        configured=known is not None,
        tier=known.tier if known is not None else None,
        input_usd=None if prices[0] is None else f"{prices[0]:f}",
        output_usd=None if prices[1] is None else f"{prices[1]:f}",
        window_tokens=known.window_tokens if known is not None else None,
        gguf=known.gguf if known is not None else None,
        key_variable=variable,
        key_present=None if variable is None else bool(os.environ.get(variable)),
        model_calls=used.model_calls if used is not None else 0,
        cost_usd=f"{used.cost:f}" if used is not None else "0",
        unknown_costs=used.unknown_costs if used is not None else 0,
    )


def _key(each: ModelFields) -> Cell:
    if each["gguf"] is not None:
        there = Path(each["gguf"]).is_file()
        return Cell("on this machine") if there else Cell("its file is gone", "yellow")
    if each["key_variable"] is None:
        return Cell("-")
    if each["key_present"]:
        return Cell(each["key_variable"])
    return Cell(f"no {each['key_variable']}", "yellow")


models.add_command(setup_local)
