"""`quarterdeck fork` and `merge`: going on from the past, and bringing back what came of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.model_names import warn_of_model
from quarterdeck.cli.options import json_option, workspace_option
from quarterdeck.cli.output import say, say_json
from quarterdeck.cli.past_fields import ForkedFields, MergedFields
from quarterdeck.cli.session import deciding

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions, ForkChanges, ForkEffect, ForkPlan

_LISTED = 8


class Changes(TypedDict):
    """What is to be another, as it was typed."""

    objective: str | None
    model: str | None
    message: str | None
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    result: str | None


@click.command(short_help="Go on from an event of a run, in a run of its own.")
@click.argument("run")
@click.option("--at", "seq", type=click.IntRange(min=1), required=True, metavar="SEQ")
@click.option("--objective", metavar="TEXT", help="Another objective.")
@click.option("--model", metavar="M", help="Another model.")
@click.option("--message", metavar="TEXT", help="What the agent is told first.")
@click.option("--allow", multiple=True, metavar="TOOL", help="Only these tools; repeatable.")
@click.option("--deny", multiple=True, metavar="TOOL", help="All tools but these; repeatable.")
@click.option("--result", metavar="JSON", help="What the tool returned whose outcome SEQ is.")
@click.option("--plan", "plan_only", is_flag=True, help="Only tell what would come of it.")
@workspace_option
@json_option(ForkedFields)
def fork(
    *, run: str, seq: int, plan_only: bool, workspace: Path, as_json: bool, **typed: Unpack[Changes]
) -> None:
    """Fork RUN at event SEQ: the fork shares what stands there, and goes on from it.

    Nothing is copied, and nothing on record happens again. What the parent did behind SEQ may
    happen again; an effect that must happen once asks first. The fork is queued for the app or a
    worker.
    """

    async def forked(decisions: "Decisions") -> "tuple[str | None, ForkPlan]":
        from quarterdeck.cli.naming import find_run

        run_id, changes = await find_run(decisions.store, run), _changes(typed)
        plan = await decisions.plan_fork(run_id, seq, changes=changes)
        if plan_only:
            return None, plan
        state = await decisions.fork(run_id, seq, changes=changes)
        return state.identity.run_id, plan

    fork_id, plan = deciding(workspace, forked)
    if typed["model"] is not None:
        with one_sentence():
            warn_of_model(workspace, typed["model"])
    if as_json:
        from quarterdeck.cli.past_records import plan_fields

        say_json(ForkedFields(run_id=fork_id, parent_run_id=plan.run_id, plan=plan_fields(plan)))
        return
    _tell(plan)
    if fork_id is not None:
        say(f"forked: run {fork_id}, of {plan.run_id} at #{plan.seq}")


def _changes(typed: Changes) -> "ForkChanges":
    from quarterdeck_kernel import ForkChanges, NewResult

    if typed["allow"] and typed["deny"]:
        fail("name tools to allow or to deny, not both", ExitCode.USAGE)
    result = typed["result"]
    return ForkChanges(
        objective=typed["objective"],
        model=typed["model"],
        message=typed["message"],
        scope="allow" if typed["allow"] else "deny" if typed["deny"] else None,
        tools=typed["allow"] or typed["deny"],
        tool_result=None if result is None else NewResult(_read(result)),
    )


def _read(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"--result is no JSON ({error}); write a text as '\"text\"'", ExitCode.USAGE)


def _tell(plan: "ForkPlan") -> None:
    from quarterdeck.views.quantities import money

    done, ahead = plan.replayed, plan.behind
    say(f"from record   {done.model_calls} model calls, {done.tool_calls} tool calls, "
        f"${money(done.cost_micros)}: nothing of it happens again")  # fmt: skip
    if plan.changed:
        say(f"changed       {', '.join(name.replace('_', ' ') for name in plan.changed)}")
    _list("begun anew", plan.again)
    _list("in doubt", plan.unknown)
    if plan.pauses:
        say(f"asked afresh  {len(plan.pauses)} open pauses")
    if ahead.model_calls or ahead.tool_calls:
        say(f"behind it     {ahead.model_calls} model calls, {ahead.tool_calls} tool calls, "
            f"${money(ahead.cost_micros)}: may happen again")  # fmt: skip
    _list("asks first", plan.asks_first)
    _list("has no tool", plan.barred)
    if plan.left_micros is not None:
        say(f"budget        ${money(plan.left_micros)} is left of its parent's allotment")


def _list(what: str, effects: "tuple[ForkEffect, ...]") -> None:
    from quarterdeck.views.plain import plain

    for effect in effects[:_LISTED]:
        say(f"{what:<13} #{effect.seq} {plain(effect.name)} ({effect.effect})")
        what = ""
    if len(effects) > _LISTED:
        say(f"{'':<13} and {len(effects) - _LISTED} more")


@click.command(short_help="Bring what came of a fork into its parent.")
@click.argument("fork_run", metavar="FORK")
@workspace_option
@json_option(MergedFields)
def merge(*, fork_run: str, workspace: Path, as_json: bool) -> None:
    """Bring the answer and the files of a fork that has succeeded into the run it is a fork of."""

    async def merged(decisions: "Decisions") -> MergedFields:
        from quarterdeck.cli.naming import find_run
        from quarterdeck_kernel.events.run_events import ForkMerged

        fork_id = await find_run(decisions.store, fork_run)
        event = await decisions.merge(fork_id)
        assert isinstance(event.payload, ForkMerged), "that is what a merge writes"
        content: dict[str, Any] = dict(event.payload.merged or {})
        return MergedFields(
            run_id=event.run_id,
            fork_run_id=fork_id,
            seq=event.seq,
            answer=content.get("answer"),
            files=[str(path) for path in content.get("files") or []],
        )

    done = deciding(workspace, merged)
    if as_json:
        say_json(done)
    else:
        files = f", {len(done['files'])} files" if done["files"] else ""
        say(f"merged: fork {done['fork_run_id']} into run {done['run_id']}, "
            f"event #{done['seq']}{files}")  # fmt: skip
