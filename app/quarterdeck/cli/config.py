"""`quarterdeck config`: whether the settings are right, and what they would say of a step."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.options import workspace_option

if TYPE_CHECKING:
    from quarterdeck_kernel import ProposedCall, ProposedRequest
    from quarterdeck_kernel.kernel.equipped import Equipment
    from quarterdeck_kernel.settings.loading import Loaded
    from quarterdeck_kernel.settings.settings import Settings


class Question(TypedDict):
    """What somebody wants to know of a step."""

    tool: str | None
    arguments: str | None
    model: str | None
    tenant: str
    person: str | None
    agent: str
    effect: Any
    risk: Any
    capability: str | None
    at: Any


_CODES = {
    "deny": ExitCode.REFUSED,
    "hold": ExitCode.REFUSED,
    "require_approval": ExitCode.WAITS,
}


@click.group(short_help="Check quarterdeck.toml.")
def config() -> None:
    """Look at the settings of a workspace and its user."""


@config.command(short_help="Say whether the settings are right, and what they say of a step.")
@workspace_option
@click.option("--tool", metavar="TOOL", help="Say what becomes of a call to this tool.")
@click.option("--arguments", metavar="JSON", help="Its arguments, as an object.")
@click.option("--model", metavar="MODEL", help="Say what becomes of a request to this model.")
@click.option("--tenant", default="local", show_default=True)
@click.option("--person", help="Who began the run.")
@click.option("--agent", default="", help="Whose run it is.")
@click.option(
    "--effect",
    type=click.Choice(("read", "idempotent", "once")),
    help="Else what the tool says; once, if nobody has it here.",
)
@click.option("--risk", type=click.Choice(("low", "medium", "high")), help="Likewise; else low.")
@click.option("--capability", help="What it needs its tenant to have; else what the tool says.")
@click.option("--at", type=click.DateTime(), help="When, in UTC; now if not said.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
def check(*, workspace: Path, as_json: bool, **question: Unpack[Question]) -> None:
    """Read the settings and show the budgets; explain what they say of a step, and why.

    Python modules that are named are imported; MCP servers are not asked (`doctor` asks them).

    The step is named with --tool or --model.

    The exit code is 2 if the settings are wrong, 3 if something named is not there, 5 if the step
    would be refused, and 7 if it would wait for a person.
    """
    from quarterdeck.views.plain import plain
    from quarterdeck_kernel.errors import SettingsError
    from quarterdeck_kernel.kernel.equipped import Equipment
    from quarterdeck_kernel.settings.loading import load_settings

    if not workspace.is_dir():
        fail(f"there is no folder {str(workspace)!r}; name a workspace", ExitCode.NOT_FOUND)
    if question["arguments"] is not None and question["tool"] is None:
        fail("--arguments are those of a tool; name it with --tool", ExitCode.USAGE)
    with one_sentence():
        try:
            loaded = load_settings(workspace)
            # What they name is looked for, too: modules, tools, skills, sub-agents, scripts.
            equipment = Equipment(workspace, looking=True)
        except SettingsError as error:
            if as_json:
                click.echo(json.dumps({"valid": False, "problems": error.problems}))
                raise click.exceptions.Exit(ExitCode.USAGE) from None
            raise
        _check_tenant(loaded.settings, question["tenant"])
        for trouble in equipment.troubles:
            click.echo(f"quarterdeck: {plain(trouble)}", err=True)
        asked = _of_the_tool(question, equipment)
        worst = _answer(loaded, workspace / "files", asked, as_json=as_json)
    if worst is not ExitCode.DONE:
        raise click.exceptions.Exit(worst)


def _of_the_tool(question: Question, equipment: "Equipment") -> Question:
    """Fill in what the tool itself says; one that is not here may be a server's, or yet to come."""
    from quarterdeck_kernel.settings.problems import nearest

    name, tools = question["tool"], equipment.roster.tools
    tool = tools.get(name) if name is not None else None
    if name is not None and tool is None:
        hint = nearest(name, tools)
        click.echo(f"quarterdeck: no tool is called {name!r} here{hint}", err=True)
    said = (tool.effect, tool.risk, tool.capability) if tool is not None else ("once", "low", None)
    asked = question.copy()
    asked["effect"], asked["risk"] = question["effect"] or said[0], question["risk"] or said[1]
    asked["capability"] = question["capability"] or said[2]
    return asked


def _check_tenant(settings: "Settings", tenant: str) -> None:
    from quarterdeck_kernel.settings.problems import nearest

    known = {"local", *settings.tenants}
    # Where no tenant is declared they come from code, and nobody can tell here.
    if settings.tenants and tenant not in known:
        fail(f"no tenant is called {tenant!r}{nearest(tenant, known)}", ExitCode.NOT_FOUND)


def _answer(loaded: "Loaded", root: Path, question: Question, *, as_json: bool) -> ExitCode:
    import asyncio

    from quarterdeck.views.budget_terms import budget_data, budget_lines
    from quarterdeck.views.explanation import explanation_data, explanation_lines
    from quarterdeck.views.plain import plain
    from quarterdeck_kernel.kernel.explaining import explained
    from quarterdeck_kernel.kernel.guarding import budgets_of, tenants_of

    files = [str(file) for file in loaded.files]
    budgets = budgets_of(loaded.settings, None, tenants_of(loaded.settings, ()))
    steps: list[Mapping[str, object]] = []
    lines = [f"{plain(file)} is right" for file in files] or ["there are no settings here"]
    worst = ExitCode.DONE
    for name, step in _steps(question):
        said = asyncio.run(explained(loaded.settings, step, root=root))
        steps.append(explanation_data(name, said))
        lines += explanation_lines(name, said)
        code = _CODES.get(said.outcome, ExitCode.DONE)
        worst = code if worst in {ExitCode.DONE, ExitCode.WAITS} and code else worst
    lines += budget_lines(budgets)
    if as_json:
        told = {"valid": True, "files": files, "budgets": budget_data(budgets), "steps": steps}
        click.echo(json.dumps(told))
    else:
        click.echo("\n".join(lines))
    return worst


def _steps(question: Question) -> Iterator[tuple[str, "ProposedCall | ProposedRequest"]]:
    """Yield what was asked about: a call, a request, or both, at the beginning of a run."""
    import time

    from quarterdeck_kernel import ProposedCall, ProposedRequest, RunState
    from quarterdeck_kernel.projections.open_items import Identity

    tenant, at = question["tenant"], question["at"]
    state = RunState(
        identity=Identity(
            run_id="check", tenant=tenant, agent=question["agent"], person=question["person"]
        )
    )
    at_us = time.time_ns() // 1_000 if at is None else _microseconds(at)
    if question["tool"] is not None:
        yield (
            f"tool {question['tool']!r}",
            ProposedCall(
                run_id="check",
                tenant=tenant,
                step_key="check",
                tool=question["tool"],
                version="",
                effect=question["effect"],
                capability=question["capability"],
                risk=question["risk"],
                arguments=_arguments(question["arguments"]),
                preview=None,
                state=state,
                at_us=at_us,
            ),
        )
    if question["model"] is not None:
        yield (
            f"model {question['model']!r}",
            ProposedRequest(
                run_id="check",
                tenant=tenant,
                step_key="check",
                model=question["model"],
                tier=None,
                purpose="turn",
                tokens=0,
                state=state,
                at_us=at_us,
            ),
        )


def _arguments(text: str | None) -> dict[str, Any]:
    try:
        arguments = json.loads(text) if text is not None else {}
    except (ValueError, RecursionError) as error:
        fail(f"--arguments are no JSON: {error}", ExitCode.USAGE)
    if not isinstance(arguments, dict):
        fail('--arguments are no JSON object; write them as {"name": value}', ExitCode.USAGE)
    return arguments


def _microseconds(at: Any) -> int:  # noqa: ANN401 - a time that click has read
    from datetime import UTC

    return int(at.replace(tzinfo=UTC).timestamp() * 1_000_000)
