"""`quarterdeck budget`, `model`, `scope`: what a run works under, changed while it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.answering import read_object
from quarterdeck.cli.control import on_run
from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.model_names import warn_of_model
from quarterdeck.cli.options import workspace_option

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions

_KINDS = {
    "usd": "micros",
    "tokens": "tokens",
    "model_calls": "model_calls",
    "tool_calls": "tool_calls",
    "seconds": "wall_time_us",
}
_SECOND_US = 1_000_000
_revision = click.option(
    "--revision",
    type=click.IntRange(0),
    metavar="N",
    help="That of what you looked at; if it was changed since, nothing is.",
)


@click.command(short_help="Give a run another budget.")
@click.argument("run")
@click.argument("limit")
@workspace_option
@click.option(
    "--of", "kind", type=click.Choice([*_KINDS]), default="usd", show_default=True, help="Of what."
)
@click.option("--reason", metavar="TEXT", help="Why.")
@_revision
def budget(
    *,
    run: str,
    limit: str,
    workspace: Path,
    kind: str,
    reason: str | None,
    revision: int | None,
) -> None:
    """Give a run another bound, or none: LIMIT is an amount, or the word none.

    One that is raised releases what the budget held.
    """

    async def changed(decisions: "Decisions", run_id: str) -> str:
        word: Any = _KINDS[kind]
        event = await decisions.change_budget(
            run_id, budget=word, limit=_limit(limit, kind), revision=revision, reason=reason
        )
        bound = "no bound" if limit == "none" else f"{limit} {kind.replace('_', ' ')}"
        return f"budget {bound}: run {run_id}, event #{event.seq}"

    on_run(workspace, run, changed)


def _limit(text: str, kind: str) -> int | None:
    from quarterdeck_kernel import micros_of

    if text == "none":
        return None
    if kind == "usd":
        return micros_of(text)
    try:
        number = int(text)
    except ValueError:
        fail(f"{text!r} is no whole number of {kind}; write one, or none", ExitCode.USAGE)
    return number * _SECOND_US if kind == "seconds" else number


@click.command(short_help="Let a run ask another model.")
@click.argument("run")
@click.argument("model", required=False)
@workspace_option
@click.option("--tier", metavar="TIER", help="What the model counts as.")
@click.option("--parameters", metavar="JSON", help="What it is asked with.")
@_revision
def model(
    *,
    run: str,
    model: str | None,
    workspace: Path,
    tier: str | None,
    parameters: str | None,
    revision: int | None,
) -> None:
    """Let a run ask another model, or with other parameters, from its next request on."""
    if model is None and tier is None and parameters is None:
        fail("name a model, or say --tier or --parameters", ExitCode.USAGE)
    given = read_object("--parameters", parameters) if parameters is not None else None

    async def swapped(decisions: "Decisions", run_id: str) -> str:
        from quarterdeck.views.plain import plain

        state = await decisions.swap_model(
            run_id, model=model, parameters=given, tier=tier, revision=revision
        )
        now = state.conditions
        return f"model {plain(now.model or '')}: run {run_id}, revision {now.model_revision}"

    on_run(workspace, run, swapped)
    if model is not None:
        with one_sentence():
            warn_of_model(workspace, model)


@click.command(short_help="Narrow the tools that a run sees.")
@click.argument("run")
@click.argument("which", metavar="(all|allow|deny)", type=click.Choice(("all", "allow", "deny")))
@click.argument("tools", nargs=-1, metavar="[TOOL]...")
@workspace_option
@click.option("--for-turn", is_flag=True, help="For the next turn alone.")
@_revision
def scope(
    *,
    run: str,
    which: Any,  # noqa: ANN401 - a choice that click has checked
    tools: tuple[str, ...],
    workspace: Path,
    for_turn: bool,
    revision: int | None,
) -> None:
    """Let an agent see all its tools, only these, or all but these, from its next request on.

    It narrows what the agent has, and never widens it.
    """

    async def changed(decisions: "Decisions", run_id: str) -> str:
        event = await decisions.scope(run_id, which, tools, for_turn=for_turn, revision=revision)
        return f"scope {which}: run {run_id}, event #{event.seq}"

    on_run(workspace, run, changed)
