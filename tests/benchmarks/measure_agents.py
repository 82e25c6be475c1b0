"""A thousand agents at once under a supervisor, beside the same one after another.

In CPU time of all threads; how long the loop stood still is shown beside it. Every agent asks the
scripted model, pays, and finishes.
"""

import asyncio
from time import perf_counter, process_time

from quarterdeck_kernel import AgentSpec, Kernel, Script, ScriptedModel, ToolContext, tool_of
from tests.benchmarks.bench import Bench
from tests.benchmarks.figure import Figure, Target

_PAYER = AgentSpec(name="payer", tools=("pay",))
_SCRIPT = Script.model_validate(
    {
        "rules": [
            {"answer": {"calls": [{"tool": "pay", "arguments": {"amount": 1}}]}},
            {"answer": {"calls": [{"tool": "finish", "arguments": {"answer": "paid"}}]}},
        ]
    }
)
_LOOK_S = 0.005


async def measure(bench: Bench) -> list[Figure]:
    """Let all work at once, then as many one after another."""
    agents = bench.sizes.agents_at_once
    lags: list[float] = []
    together = await _together(bench, agents, lags)
    apart = await _one_after_another(bench, agents)
    lags.sort()
    return [
        Figure(
            what=f"CPU of an agent, {agents:,} at once",
            measured=together * 1e6 / agents,
            unit="µs",
            floor=apart * 1e6 / agents,
            floor_is="the same agents one after another",
            ratio=together / apart,
            target=Target(bound=1.3),
        ),
        Figure(
            what=f"loop lag with {agents:,} agents at work, p95",
            measured=lags[int(len(lags) * 0.95)] * 1e3,
            unit="ms",
            target=Target(bound=20, on="measured"),
        ),
    ]


async def _together(bench: Bench, agents: int, lags: list[float]) -> float:
    async with bench.store() as store:
        kernel = await _manned(Kernel(store, model=ScriptedModel(_SCRIPT)), agents)
        supervisor = kernel.supervisor(at_once=agents)
        began = process_time()
        supervised = asyncio.create_task(supervisor.run())
        measured = asyncio.create_task(_lag(lags))
        await supervisor.until_idle()
        took = process_time() - began
        measured.cancel()
        supervisor.drain()
        await supervised
        await _check(kernel, agents)
        await kernel.close()
    return took


async def _one_after_another(bench: Bench, agents: int) -> float:
    async with bench.store() as store:
        kernel = await _manned(Kernel(store, model=ScriptedModel(_SCRIPT)), agents)
        began = process_time()
        for number in range(agents):
            run = await kernel.load_run(f"payer-{number}")
            await kernel.run_agent(run)
            await kernel.let_go(run)
        took = process_time() - began
        await _check(kernel, agents)
        await kernel.close()
    return took


async def _manned(kernel: Kernel, agents: int) -> Kernel:
    async def pay(context: ToolContext, amount: int) -> object:
        return {"paid": amount, "key": context.idempotency_key}

    kernel.tools.add(tool_of(pay, name="pay", description="Pays.", version="1"))
    for number in range(agents):
        run = await kernel.start_agent(_PAYER, "pay the bill", run_id=f"payer-{number}")
        await kernel.let_go(run)
    return kernel


async def _lag(lags: list[float]) -> None:
    while True:
        began = perf_counter()
        await asyncio.sleep(_LOOK_S)
        lags.append(perf_counter() - began - _LOOK_S)


async def _check(kernel: Kernel, agents: int) -> None:
    done, after = 0, None
    while True:
        page = await kernel.store.fleet(after=after, limit=200)
        done += sum(row.status == "succeeded" for row in page.rows)
        after = page.after
        if after is None:
            break
    assert done == agents, f"{done} of {agents} agents succeeded"
