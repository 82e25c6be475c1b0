"""`quarterdeck hold`, `release`, `cancel`, `say`, `acknowledge`, `take`: steering one run."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.options import workspace_option
from quarterdeck.cli.output import say as print_line
from quarterdeck.cli.session import deciding

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions

_reason = click.option("--reason", metavar="TEXT", help="Why.")
_note = click.option("--note", metavar="TEXT", help="What others should know.")


@click.command(short_help="Stop a run at its next boundary.")
@click.argument("run")
@workspace_option
@_reason
def hold(*, run: str, workspace: Path, reason: str | None) -> None:
    """Stop a run at its next boundary until it is released; what is under way finishes."""

    async def held(decisions: "Decisions", run_id: str) -> str:
        event = await decisions.hold(run_id, reason=reason)
        return f"held: run {run_id}, event #{event.seq}"

    on_run(workspace, run, held)


@click.command(short_help="Let a held run go on.")
@click.argument("run")
@workspace_option
@_reason
def release(*, run: str, workspace: Path, reason: str | None) -> None:
    """Let a run go on that is held, by a person or a guard."""

    async def released(decisions: "Decisions", run_id: str) -> str:
        event = await decisions.release(run_id, reason=reason)
        return f"released: run {run_id}, event #{event.seq}"

    on_run(workspace, run, released)


@click.command(short_help="End a run at its next boundary, or now.")
@click.argument("run")
@workspace_option
@click.option("--now", is_flag=True, help="Break off what may be broken off.")
@_reason
def cancel(*, run: str, workspace: Path, now: bool, reason: str | None) -> None:
    """Ask that a run end at its next boundary. What it did stays done."""

    async def cancelled(decisions: "Decisions", run_id: str) -> str:
        state = await decisions.cancel(run_id, now=now, reason=reason)
        assert state.cancel is not None, "it was asked for"
        when = "now" if state.cancel.now else "at its next boundary"
        return f"to be cancelled {when}: run {run_id}, event #{state.cancel.seq}"

    on_run(workspace, run, cancelled)


@click.command(short_help="Tell an agent something for its next turn.")
@click.argument("run")
@click.argument("text")
@workspace_option
@click.option("--skill", "skills", multiple=True, metavar="SKILL", help="To be read; repeatable.")
@click.option("--key", metavar="KEY", help="The same under the same key is said once.")
def say(*, run: str, text: str, workspace: Path, skills: tuple[str, ...], key: str | None) -> None:
    """Tell an agent something: it is used once, in its next turn."""

    async def said(decisions: "Decisions", run_id: str) -> str:
        seq = await decisions.say(run_id, text, skills=skills, key=key)
        return f"said: run {run_id}, event #{seq}"

    on_run(workspace, run, said)


@click.command(short_help="Say that a failure was seen.")
@click.argument("run")
@workspace_option
@_note
def acknowledge(*, run: str, workspace: Path, note: str | None) -> None:
    """Say that the failure of a run was seen: it no longer counts as a need."""

    async def acknowledged(decisions: "Decisions", run_id: str) -> str:
        event = await decisions.acknowledge(run_id, note=note)
        return f"acknowledged: run {run_id}, event #{event.seq}"

    on_run(workspace, run, acknowledged)


@click.command(short_help="Ask that an adrift run be taken up.")
@click.argument("run")
@workspace_option
@_note
def take(*, run: str, workspace: Path, note: str | None) -> None:
    """Ask that a run nobody drives be taken up, by an app or worker of this workspace."""

    async def asked(decisions: "Decisions", run_id: str) -> str:
        event = await decisions.take_up(run_id, note=note)
        return f"to be taken up: run {run_id}, event #{event.seq}"

    on_run(workspace, run, asked)


def on_run(workspace: Path, run: str, decide: "Callable[[Decisions, str], Awaitable[str]]") -> None:
    """Decide about a run, named by its id or how that begins, and print what came of it."""

    async def decided(decisions: "Decisions") -> str:
        from quarterdeck.cli.naming import find_run

        return await decide(decisions, await find_run(decisions.store, run))

    print_line(deciding(workspace, decided))
