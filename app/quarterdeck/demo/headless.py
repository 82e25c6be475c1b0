"""The demo without a screen: prints what happened, what was counted outside, and the proof."""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from textwrap import fill

import click

from quarterdeck.demo.cast import INVOICES, PAYMENTS_PART
from quarterdeck.demo.reconcile import POLICY, settle_payments
from quarterdeck.demo.stage import Scene, Stage
from quarterdeck.demo.tools import PAYMENTS
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.fleet_rows import fleet_table
from quarterdeck.views.plain import plain
from quarterdeck_kernel import EventStore, verify
from quarterdeck_kernel.store.verdict import Verdict

_TABLE_COLUMNS = 79


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command's exit code depends on."""

    verified: bool
    paid_once: bool


async def play_headless(workspace: Workspace) -> Outcome:
    """Play the demo to its end and say what happened."""
    click.echo(f"Workspace {plain(str(workspace.folder))}")
    stage = Stage(workspace, pause_s=0.0)
    store = await workspace.open()
    try:
        async with aclosing(stage.scenes()) as scenes:
            async for scene in scenes:
                await _tell(scene, store)
        await _settle(stage, store, workspace)
        return await _account_for(store, workspace)
    finally:
        await stage.close()
        await store.close()


async def _tell(scene: Scene, store: EventStore) -> None:
    match scene.act:
        case "begun":
            _say("Seven runs, driven by two processes; every step is an intent, then an outcome.")
        case "sent":
            _say(
                f"{PAYMENTS_PART.name}: a payment was sent and no answer came. "
                f"Its driver, process {scene.pid}, is now killed: SIGKILL."
            )
        case "killed":
            row = (await store.projections(PAYMENTS_PART.name)).fleet
            live = (await store.lease(PAYMENTS_PART.name)).live
            drives = "somebody still drives it" if live else "nobody drives it: it is adrift"
            _say(f"{PAYMENTS_PART.name}: event #{row.head_seq} is an open intent; {drives}.")
        case "taken_up":
            row = (await store.projections(PAYMENTS_PART.name)).fleet
            _say(
                f"Process {scene.pid} takes it up. `pay` declares `once`: it is not repeated. "
                f"Event #{row.head_seq} records an unknown outcome; the run stops."
            )
        case "all_drivers_done":
            _say("All drivers have stopped: what goes on from here needs somebody.")


async def _settle(stage: Stage, store: EventStore, workspace: Workspace) -> None:
    settled = await settle_payments(store, workspace)
    for item in settled:
        _say(f"Policy of this demo: {POLICY}.")
        found = f"found {plain(item.line)!r}" if item.line is not None else "the key is not there"
        _say(f"Key {item.key}: {found}; event #{item.seq} settles intent #{item.intent_seq}.")
    if settled:
        _say(f"Process {await stage.take_up()} takes the run up again and pays the rest.")


async def _account_for(store: EventStore, workspace: Workspace) -> Outcome:
    page = await store.fleet()
    click.echo()
    for line in fleet_table(page.rows, columns=_TABLE_COLUMNS):
        click.echo(line)
    click.echo()
    paid_once = await asyncio.to_thread(_count_payments, workspace)
    verdict = await verify(store)
    link = await store.checkpoint()
    if verdict.ok:
        proof = (
            f"Verified: {verdict.runs} runs, {verdict.events:,} events, every hash and every row "
            f"of the fleet; chain at {link.position:,}, {link.link[:16]}."
        )
        click.echo(fill(proof, _TABLE_COLUMNS))
    else:
        click.echo(f"NOT VERIFIED: {_fault(verdict)}")
    return Outcome(verified=verdict.ok, paid_once=paid_once)


def _count_payments(workspace: Workspace) -> bool:
    """Count outside the log: the lines that the tool really appended."""
    ledger = workspace.files / PAYMENTS
    text = ledger.read_text(encoding="utf-8", errors="replace") if ledger.exists() else ""
    lines = text.splitlines()
    paid = Counter(",".join(line.split(",")[1:2]) for line in lines)
    wanted = {invoice for invoice, _payee, _cents in INVOICES}
    once = set(paid) == wanted and set(paid.values()) == {1}
    word = "each exactly once" if once else f"NOT each exactly once: {dict(paid)}"
    count = f"Counted in {PAYMENTS}: {len(lines)} lines for {len(wanted)} invoices, {word}."
    click.echo(fill(plain(count), _TABLE_COLUMNS))
    return once


def _fault(verdict: Verdict) -> str:
    return plain(verdict.fault.message) if verdict.fault is not None else ""


def _say(sentence: str) -> None:
    click.echo(fill(sentence, _TABLE_COLUMNS, initial_indent="· ", subsequent_indent="  "))
