"""The demo without a screen: prints what happened, what was counted outside, and the proof."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from textwrap import fill

import click

from quarterdeck.demo.cast import INVOICES, paid
from quarterdeck.demo.endings import ending_of
from quarterdeck.demo.policy import POLICY, Policy
from quarterdeck.demo.script import STALE
from quarterdeck.demo.stage import Scene, Stage
from quarterdeck.kernel_link.clerk import Desk
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.plain import plain
from quarterdeck.views.states import MARKS
from quarterdeck_kernel import EventStore, QuarterdeckError, verify
from quarterdeck_kernel.kernel.equipped import Equipment, Equipped
from quarterdeck_kernel.store.verdict import Verdict
from quarterdeck_kernel.vocabulary.rows import FleetRow

_COLUMNS = 79
_TURN_S = 0.1
_PATIENCE_S = 90.0
_LOOK_S = 0.1


class TooSlowError(QuarterdeckError):
    """The agents took longer than anybody would wait."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command's exit code depends on."""

    verified: bool
    paid_once: bool


async def play_headless(workspace: Workspace) -> Outcome:
    """Play the demo to its end and say what happened."""
    click.echo(f"Workspace {plain(str(workspace.folder))}")
    store = await workspace.open()
    try:
        stage = Stage(workspace, turn_s=_TURN_S)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await _play(stage, workspace, store)
        except TimeoutError as error:
            raise TooSlowError(
                f"the demo did not come to its end within {_PATIENCE_S:.0f} s; play it again with "
                "--keep DIR, and it goes on where it was"
            ) from error
        finally:
            await stage.close()
        return await _account_for(store, workspace)
    finally:
        await store.close()


async def _play(stage: Stage, workspace: Workspace, store: EventStore) -> None:
    """Play up to where nobody but the operator can go on; then be the operator."""
    await stage.prepare()
    cut = False
    async with aclosing(stage.scenes()) as scenes:
        async for scene in scenes:
            await _tell(scene, store)
            cut = cut or scene.act == "sent"
            if scene.act in {"begun", "taken_up"} and not stage.to_cut:
                break
        if cut:
            await _unknown(store)
            await stage.bank_is_back()

        async def watch() -> None:
            async for scene in scenes:
                await _tell(scene, store)

        watching = asyncio.create_task(watch())
        deciding = asyncio.create_task(_decide(workspace))
        await asyncio.wait([watching, deciding], return_when=asyncio.FIRST_COMPLETED)
        for task in (watching, deciding):
            task.cancel()
        await asyncio.wait([watching, deciding])
        for task in (watching, deciding):
            if not task.cancelled():
                task.result()


async def _tell(scene: Scene, store: EventStore) -> None:
    match scene.act:
        case "begun":
            _say(f"Process {scene.pid} drives seven agents on a scripted model.")
        case "sent":
            _say("payments: a payment was sent, and no answer came. Its driver is killed: SIGKILL.")
        case "killed":
            rows = (await store.fleet()).rows
            adrift = [plain(row.agent) for row in rows if row.need == "adrift"]
            _say(f"Process {scene.pid} is dead. Adrift: {', '.join(adrift) or 'nobody'}.")
        case "taken_up":
            _say(f"Process {scene.pid} takes up what is adrift.")


async def _unknown(store: EventStore) -> None:
    """Wait until it is on record that nobody knows what became of the payment."""
    while True:
        position = (await store.checkpoint()).position
        for item in (await store.inbox()).rows:
            # While its driver is still at it, it may ask the bank itself.
            if item.kind == "unknown" and not (await store.lease(item.run_id)).live:
                _say(
                    f"{item.agent}: `{item.tool}` of event #{item.seq} declares `once`: it is not "
                    "repeated. The bank cannot tell yet, so its outcome is unknown, and it waits."
                )
                return
        await store.wait(after=position, timeout_s=_LOOK_S)


async def _decide(workspace: Workspace) -> None:
    store = await workspace.open()
    equipment = Equipment(workspace.folder)
    desk = Desk(store, lambda opened: Equipped.upon(opened, equipment), None)
    try:
        said = False
        async for decided in Policy(store, desk).decisions():
            if not said:
                said = True
                _say("The operator's stand-in decides by this policy:")
                for number, line in enumerate(POLICY, 1):
                    _say(line, mark=f"  {number}.")
            _say(plain(f"{decided.agent}: {decided.what}."))
    finally:
        await desk.close()


async def _account_for(store: EventStore, workspace: Workspace) -> Outcome:
    click.echo()
    for row in _with_children((await store.fleet()).rows):
        mark = MARKS[row.need]
        name = f" {mark.glyph} {mark.word:<9} {'  ' * min(row.depth, 1)}{plain(row.agent)}"
        text = plain(await ending_of(store, row))
        indent = " " * 26
        click.echo(fill(text, _COLUMNS, initial_indent=f"{name:<26}", subsequent_indent=indent))
    click.echo()
    paid_once, count = await asyncio.to_thread(counted, workspace)
    click.echo(fill(count, _COLUMNS))
    verdict = await verify(store)
    link = await store.checkpoint()
    if verdict.ok:
        proof = (
            f"Verified: {verdict.runs} runs, {verdict.events:,} events, every hash and every row "
            f"of the fleet; chain at {link.position:,}, {link.link[:16]}."
        )
        click.echo(fill(proof, _COLUMNS))
    else:
        click.echo(f"NOT VERIFIED: {_fault(verdict)}")
    return Outcome(verified=verdict.ok, paid_once=paid_once)


def _with_children(rows: Sequence[FleetRow]) -> Iterator[FleetRow]:
    """Yield each run with its sub-agents behind it."""
    for row in rows:
        if row.parent_run_id is None:
            yield row
            yield from (child for child in rows if child.parent_run_id == row.run_id)


def counted(workspace: Workspace) -> tuple[bool, str]:
    """Count outside the log, what the bank has and what lies on the disk; tell it in a sentence."""
    lines = paid(workspace)
    found = Counter(",".join(line.split(",")[1:2]) for line in lines)
    wanted = {invoice.number for invoice in INVOICES}
    once = set(found) == wanted and set(found.values()) == {1}
    word = "each exactly once" if once else f"NOT each exactly once: {dict(found)}"
    gone = sum(not (workspace.files / "logs" / name).exists() for name in STALE)
    return once, plain(
        f"Counted outside the log: {len(lines)} lines in payments.csv for {len(wanted)} invoices, "
        f"{word}; {gone} of {len(STALE)} old gate logs are gone."
    )


def _fault(verdict: Verdict) -> str:
    return plain(verdict.fault.message) if verdict.fault is not None else ""


def _say(sentence: str, mark: str = "·") -> None:
    indent = " " * (len(mark) + 1)
    click.echo(fill(sentence, _COLUMNS, initial_indent=f"{mark} ", subsequent_indent=indent))
