"""`quarterdeck reconcile`: what became of an effect whose outcome nobody recorded."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from quarterdeck.cli.answering import read_json
from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.options import refuse_readonly, workspace_option
from quarterdeck.cli.output import say
from quarterdeck.cli.session import deciding, reading

if TYPE_CHECKING:
    from quarterdeck.cli.naming import Item
    from quarterdeck_kernel import Decisions, EventStore, Reconciled


@click.command(short_help="Settle an effect whose outcome is unknown.")
@click.argument("item", metavar="ID")
@workspace_option
@click.option("--probe", is_flag=True, help="Ask the tool's own probe.")
@click.option("--done", metavar="EVIDENCE", help="It happened; say how that is known.")
@click.option("--result", metavar="JSON", help="With --done: what it gave.")
@click.option("--retry", is_flag=True, help="Let it be tried once more under the same key.")
@click.option("--failed", metavar="REASON", help="It did not happen; say how that is known.")
def reconcile(
    *,
    item: str,
    workspace: Path,
    probe: bool,
    done: str | None,
    result: str | None,
    retry: bool,
    failed: str | None,
) -> None:
    """Settle an effect that may or may not have happened, by its id or how that begins.

    The exit code is 7 if the probe cannot tell, so that a person has to.
    """
    said = [probe, done is not None, retry, failed is not None]
    if said.count(True) != 1:
        fail("say one of --probe, --done EVIDENCE, --retry, --failed REASON", ExitCode.USAGE)
    if result is not None and done is None:
        fail("--result is what it gave: say --done with it", ExitCode.USAGE)
    if probe:
        _probe(workspace, item)
        return
    verdict = "done" if done is not None else "failed" if failed is not None else "retry"
    value = read_json("--result", result) if result is not None else None
    _settle(workspace, item, verdict=verdict, result=value, reason=done or failed)


def _settle(workspace: Path, item: str, **said: Any) -> None:  # noqa: ANN401 - those of the facade
    async def settled(decisions: "Decisions") -> None:
        found = await _unknown(decisions.store, item)
        event = await decisions.reconcile(found.run_id, _seq(found), **said)
        say(f"{said['verdict']}: intent #{_seq(found)} of run {found.run_id}, event #{event.seq}")

    deciding(workspace, settled)


def _probe(workspace: Path, item: str) -> None:
    refuse_readonly()
    found = reading(workspace, lambda store: _unknown(store, item))
    with one_sentence():
        import asyncio

        known = asyncio.run(_probed(workspace, found))
    if not known.settled:
        from quarterdeck.views.plain import plain

        fail(
            f"{plain(known.reason or 'the probe cannot tell')}; look for yourself and say --done, "
            "--failed or --retry",
            ExitCode.WAITS,
        )
    say(f"{known.outcome}: intent #{_seq(found)} of run {found.run_id}, by its {known.by}")


async def _probed(workspace: Path, found: "Item") -> "Reconciled":
    """Ask the probe as the run's driver, for as long as that takes."""
    from quarterdeck_kernel import state_at
    from quarterdeck_kernel.kernel.equipped import Equipment, Equipped
    from quarterdeck_kernel.kernel.opening import open_store

    # Servers have no probes, and are not reached for.
    equipment = Equipment(workspace)
    async with Equipped.upon(await open_store(workspace, create=False), equipment) as kernel:
        unknown = (await state_at(kernel.store, found.run_id)).unknowns.get(_seq(found))
        if unknown is None:
            from quarterdeck_kernel.engine.settled import already_settled

            raise await already_settled(kernel.store, found.run_id, found.item_id)
        tenant = (await kernel.store.run(found.run_id)).tenant
        run = await kernel.load_run(found.run_id, tenant=tenant)
        return await kernel.reconcile_tool(run=run, step_key=unknown.step_key)


async def _unknown(store: "EventStore", item: str) -> "Item":
    from quarterdeck.cli.naming import find_item

    found = await find_item(store, item)
    if found.intent_seq is None:
        fail(
            f"{item!r} is a pause, not an unknown outcome; approve, reject or answer it",
            ExitCode.USAGE,
        )
    return found


def _seq(found: "Item") -> int:
    assert found.intent_seq is not None, "it was looked at"
    return found.intent_seq
