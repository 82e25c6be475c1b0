"""`quarterdeck agents`, `tools` and `models`: who works here, with what."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import one_sentence
from quarterdeck.cli.fields import AgentFields, AgentsFields, ModelFields, ModelsFields, ToolsFields
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import Cell, say, say_json, say_table
from quarterdeck.cli.session import reading
from quarterdeck.views.model_keys import key_variable

if TYPE_CHECKING:
    from quarterdeck_kernel import EventStore, LedgerEntry
    from quarterdeck_kernel.settings.settings import Settings

_OPEN = frozenset({"queued", "running"})
_WAITING = frozenset({"unknown", "waiting"})


@click.command(short_help="List the agents that have worked here.")
@workspace_option
@json_option(AgentsFields)
def agents(*, workspace: Path, as_json: bool) -> None:
    """List the agents that have worked in the workspace, with what they used."""
    found = reading(workspace, _agents)
    if as_json:
        say_json(AgentsFields(agents=found))
    elif found:
        from quarterdeck.views.plain import plain

        say_table(
            ("AGENT", "RUNS", "OPEN", "WAITING", "COST USD"),
            [
                [
                    Cell(plain(each["name"])),
                    *(Cell(f"{number:,}", right=True) for number in (each["runs"], each["open"])),
                    Cell(f"{each['waiting']:,}", "yellow" if each["waiting"] else None, right=True),
                    Cell(_cost(each), right=True),
                ]
                for each in found
            ],
        )
    else:
        say("no agent has worked here yet")


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


@click.command(short_help="List the tools that come with Quarterdeck.")
@json_option(ToolsFields)
def tools(*, as_json: bool) -> None:
    """List the tools that come with Quarterdeck: what they do to the world, and what they need."""
    from quarterdeck.cli.toolbox import tools_for
    from quarterdeck.views.plain import plain

    # Nothing is called: any folder will do, for the workspace may have no files yet.
    with one_sentence():
        found = tools_for(Path())
    if as_json:
        data: ToolsFields = {
            "tools": [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "effect": tool.effect,
                    "risk": tool.risk,
                    "capability": tool.capability,
                    "probe": tool.has_probe,
                    "preview": tool.has_preview,
                    "version": tool.version,
                    "parameters": tool.schema.parameters,
                }
                for tool in found
            ]
        }
        say_json(data)
        return
    say_table(
        ("TOOL", "EFFECT", "RISK", "CAPABILITY", "WHAT IT DOES"),
        [
            [
                Cell(tool.name),
                Cell(tool.effect),
                Cell(tool.risk, {"high": "red", "medium": "yellow"}.get(tool.risk)),
                Cell(tool.capability or "-"),
                Cell(plain(tool.description.partition("\n")[0])),
            ]
            for tool in found
        ],
    )


@click.command(short_help="List the models of the settings, and those asked here.")
@workspace_option
@json_option(ModelsFields)
def models(*, workspace: Path, as_json: bool) -> None:
    """List the models of the settings and those that were asked here; of keys, only the names."""
    from quarterdeck_kernel.settings.loading import load_settings

    with one_sentence():
        settings = load_settings(workspace).settings
    used = reading(workspace, _asked)
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
        key_variable=variable,
        key_present=None if variable is None else bool(os.environ.get(variable)),
        model_calls=used.model_calls if used is not None else 0,
        cost_usd=f"{used.cost:f}" if used is not None else "0",
        unknown_costs=used.unknown_costs if used is not None else 0,
    )


def _key(each: ModelFields) -> Cell:
    if each["key_variable"] is None:
        return Cell("-")
    if each["key_present"]:
        return Cell(each["key_variable"])
    return Cell(f"no {each['key_variable']}", "yellow")
