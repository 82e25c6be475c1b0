"""A process that supervises agents which pay, killed at any moment; and who brings them home."""

import asyncio
import os
import random
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from quarterdeck_kernel import (
    AgentSpec,
    Kernel,
    Script,
    ScriptedModel,
    Tool,
    ToolContext,
    operator,
    tool_of,
    verify,
)
from quarterdeck_kernel.runs.reconcile import reconcile
from tests.crash.processes import Child

AGENTS = 20
PAYMENTS = 3
_PAYER = AgentSpec(name="payer", tools=("pay",))
_TURNS = [{"answer": {"calls": [{"tool": "pay", "arguments": {"n": n}}]}} for n in range(PAYMENTS)]
_END = {"answer": {"calls": [{"tool": "finish", "arguments": {"answer": "paid"}}]}}


class Bank:
    """Where payments are made: a line in a file for each, by the key it was made under."""

    def __init__(self, file: Path, pipe: Connection) -> None:
        self._file = file
        self._pipe = pipe

    def tool(self) -> Tool:
        async def pay(context: ToolContext, n: int) -> object:
            self._pipe.send("about to pay")
            # Others are at work meanwhile; whoever kills us has two moments to choose from.
            await asyncio.sleep(0)
            line = f"{context.idempotency_key}\n".encode()
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, line)
            os.close(descriptor)
            self._pipe.send("paid")
            await asyncio.sleep(0)
            return {"paid": n}

        return tool_of(pay, name="pay", description="Pays.", effect="once", version="1")


async def _opened(folder: Path, pipe: Connection) -> Kernel:
    model = ScriptedModel(Script.model_validate({"rules": [*_TURNS, _END]}))
    tools = [Bank(folder / "payments", pipe).tool()]
    return await Kernel.open(folder / "workspace", model=model, tools=tools, safeguards=())


async def _supervised(folder: Path, pipe: Connection) -> None:
    async with await _opened(folder, pipe) as kernel:
        for number in range(AGENTS):
            await kernel.start_agent(
                _PAYER, f"pay bill {number}", run_id=f"payer-{number}", idempotency_key=f"{number}"
            )
        supervisor = kernel.supervisor()
        task = asyncio.create_task(supervisor.run())
        await supervisor.until_idle()
        pipe.send("idle")
        await task


async def _brought_home(folder: Path, pipe: Connection) -> None:
    """Let a supervisor finish, beside a person who settles what nobody knows by the file."""
    async with await _opened(folder, pipe) as kernel:
        supervisor = kernel.supervisor()
        task = asyncio.create_task(supervisor.run())
        while True:
            await supervisor.until_idle()
            unknown = (await kernel.store.inbox()).rows
            if not unknown:
                break
            for row in unknown:
                await _settle(kernel, folder / "payments", row.run_id)
        supervisor.drain()
        await task
        rows = (await kernel.store.fleet()).rows
        verdict = await verify(kernel.store)
        pipe.send((Counter(row.status for row in rows), verdict.ok))


async def _settle(kernel: Kernel, payments: Path, run_id: str) -> None:
    journal = await kernel.journal(run_id)
    paid = payments.read_text().split()
    for seq, item in tuple(journal.state.unknowns.items()):
        done = item.idempotency_key in paid
        await reconcile(
            journal,
            seq,
            verdict="done" if done else "retry",
            result={"paid": True} if done else None,
            reason="it stands in the file" if done else None,
            actor=operator(),
        )


def kill_and_bring_home(folder: Path, *, seed: int, kills: int) -> int:
    """Kill a supervisor again and again; check what is left; return how many died at work."""
    chance, at_work = random.Random(seed), 0
    (folder / "workspace").mkdir(mode=0o700)
    for _ in range(kills):
        with Child(lambda pipe: _supervised(folder, pipe)) as child:
            words, last = chance.randrange(1, 14), ""
            while words and last != "idle":
                last, words = child.hear(), words - 1
            at_work += last != "idle"
            child.kill()
    with Child(lambda pipe: _brought_home(folder, pipe)) as child:
        *_, (statuses, sound) = child.hear_all()
    assert statuses == {"succeeded": AGENTS}, f"seed {seed}: {statuses}"
    assert sound, f"seed {seed}: the log does not verify"
    paid = Counter((folder / "payments").read_text().split())
    assert len(paid) == AGENTS * PAYMENTS, f"seed {seed}: {len(paid)} payments"
    assert set(paid.values()) == {1}, f"seed {seed}: paid more than once: {paid.most_common(3)}"
    return at_work
