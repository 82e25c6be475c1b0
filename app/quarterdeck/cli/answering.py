"""`quarterdeck approve`, `reject` and `answer`: what people say to a pause, once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.ending import ExitCode, fail
from quarterdeck.cli.options import workspace_option
from quarterdeck.cli.output import say
from quarterdeck.cli.session import deciding

if TYPE_CHECKING:
    from quarterdeck_kernel import Decisions, Event

_WORDS = {"yes": True, "no": False}


@click.command(short_help="Approve what a pause asks for.")
@click.argument("item", metavar="ID")
@workspace_option
@click.option("--edit", metavar="JSON", help="With these arguments instead.")
@click.option("--note", metavar="TEXT", help="Why.")
@click.option("--grant", is_flag=True, help="And go unasked with the same until the run ends.")
@click.option("--digest", help="What you looked at; if it was edited since, nothing is approved.")
def approve(
    *,
    item: str,
    workspace: Path,
    edit: str | None,
    note: str | None,
    grant: bool,
    digest: str | None,
) -> None:
    """Approve exactly what a pause shows, by its id or how that begins."""
    if grant and edit is not None:
        fail("a grant is for what was asked; say --edit or --grant, not both", ExitCode.USAGE)
    answer = read_object("--edit", edit) if edit is not None else None
    decision = "edited" if edit is not None else "granted" if grant else "approved"
    _settle(workspace, item, decision=decision, answer=answer, reason=note, digest=digest)


@click.command(short_help="Reject what a pause asks for.")
@click.argument("item", metavar="ID")
@workspace_option
@click.option("--reason", metavar="TEXT", required=True, help="Why; the agent is told.")
@click.option("--stop", is_flag=True, help="And end the run.")
def reject(*, item: str, workspace: Path, reason: str, stop: bool) -> None:
    """Reject what a pause asks for, by its id or how that begins."""
    _settle(workspace, item, decision="rejected_stop" if stop else "rejected", reason=reason)


@click.command(short_help="Answer a question.")
@click.argument("item", metavar="ID")
@click.argument("value")
@workspace_option
@click.option("--as-json", "is_json", is_flag=True, help="VALUE is JSON, whatever is asked for.")
def answer(*, item: str, value: str, workspace: Path, is_json: bool) -> None:
    """Answer a question, by its id or how that begins.

    VALUE is taken as text where text may be answered, as JSON where something else is asked for,
    and yes or no where that is.
    """
    given = read_json("VALUE", value) if is_json else None

    async def answered(decisions: "Decisions") -> None:
        from quarterdeck.cli.naming import find_item

        found = await find_item(decisions.store, item)
        meant = given if is_json else await _meant(decisions, found.run_id, found.item_id, value)
        event = await decisions.resume(found.run_id, found.item_id, answer=meant)
        _told(event, found.run_id)

    deciding(workspace, answered)


def _settle(workspace: Path, item: str, **said: Any) -> None:  # noqa: ANN401 - those of `resume`
    async def settled(decisions: "Decisions") -> None:
        from quarterdeck.cli.naming import find_item

        found = await find_item(decisions.store, item)
        if found.intent_seq is not None:
            fail(
                f"{item!r} is an outcome that nobody knows; settle it with `quarterdeck reconcile`",
                ExitCode.USAGE,
            )
        _told(await decisions.resume(found.run_id, found.item_id, **said), found.run_id)

    deciding(workspace, settled)


def _told(event: "Event", run_id: str) -> None:
    from quarterdeck_kernel.events.people_events import PauseResolved

    said = event.payload
    assert isinstance(said, PauseResolved), "a pause is answered by that"
    more = "" if said.closes else "; one more person has to agree"
    say(f"{said.decision.replace('_', ' and ')}: run {run_id}, event #{event.seq}{more}")


async def _meant(decisions: "Decisions", run_id: str, pause_id: str, text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what a text means as the answer to a question that is open still."""
    from quarterdeck_kernel.engine.log_reader import opened
    from quarterdeck_kernel.engine.schema_check import misfit
    from quarterdeck_kernel.events.people_events import PauseRequested

    pause = (await decisions.journal(run_id)).state.pauses.get(pause_id)
    if pause is None:
        return text
    (record,) = await decisions.store.read(run_id, after=pause.seq - 1, until=pause.seq)
    asked = (await opened(decisions.store, record)).payload
    schema = asked.answer_schema if isinstance(asked, PauseRequested) else None
    if schema is None or misfit(schema, text) is None:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _WORDS.get(text.casefold(), text)
    return value


def read_json(name: str, text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what somebody wrote as JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return fail(f"{name} is no JSON: {error}", ExitCode.USAGE)


def read_object(name: str, text: str) -> dict[str, Any]:
    """Return what somebody wrote as a JSON object."""
    value = read_json(name, text)
    if not isinstance(value, dict):
        fail(f'{name} is no JSON object; write it as {{"name": value}}', ExitCode.USAGE)
    return value
