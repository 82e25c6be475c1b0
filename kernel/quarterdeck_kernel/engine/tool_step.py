"""Tool steps: one call, or all calls of a turn, in DESIGN's order.

Look for the record, judge what is new, write the intents of what is allowed and the questions
about the rest in one batch, dispatch, write the outcomes. `read` and `idempotent` calls of one
batch run together, `once` calls one at a time, in order. A single call is a batch of one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.boundary import stopped, unknown
from quarterdeck_kernel.engine.cancellation import Stop, ended, through
from quarterdeck_kernel.engine.dispatch import Outcome, completed, dispatched
from quarterdeck_kernel.engine.evidence import tell_not_dispatched, tell_outcome
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.last_look import Begun, forbidden, moved
from quarterdeck_kernel.engine.probing import probed
from quarterdeck_kernel.engine.recovery import CANCELLED, GAVE_UP
from quarterdeck_kernel.engine.reserving import check_budgets
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import NOTHING_SPECIAL, AskedCall, ReadyCall, ToolResult
from quarterdeck_kernel.engine.tool_judge import ToolJudge
from quarterdeck_kernel.engine.tool_plan import (
    Asks,
    Denied,
    Goes,
    Holds,
    Plan,
    Told,
    decided_on,
    intent_of,
    intents_first,
    still_granted,
)
from quarterdeck_kernel.engine.tool_record import (
    Joined,
    Open,
    Over,
    Unsettled,
    found,
    offered,
    outcome,
    still_open,
)
from quarterdeck_kernel.errors import (
    AccountRefusedError,
    LeaseLostError,
    QuarterdeckError,
    StepInterruptedError,
    StoreError,
)
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.chain import Chain
from quarterdeck_kernel.projections.state import RunState

Result = ToolResult | QuarterdeckError
"""What became of one call of a batch; whoever asked for one call gets the error raised."""


_REFUSALS = 20
"""How often a batch is judged anew because accounts filled up since: others were first."""


def _intent(event: Event) -> ToolRequested:
    assert isinstance(event.payload, ToolRequested), "what was just written is an intent"
    return event.payload


class ToolSteps:
    """Carries out the calls of one batch, told to stop through `stop`."""

    def __init__(
        self, driver: RunDriver, chain: Chain, stop: Stop, opening: Decide | None = None
    ) -> None:
        """Carry out calls; `opening` says what is to stand before the first intent."""
        self._driver, self._chain, self._stop = driver, chain, stop
        self._opening = opening
        self._refusals = 0

    async def run(self, asked: Sequence[AskedCall]) -> list[Result]:
        """Return what became of each call. Only what concerns all of them is raised."""
        results: dict[int, Result] = {}
        left = dict(enumerate(asked))
        while left:
            joined = await self._round(left, results)
            for place in results:
                left.pop(place, None)
            for future in joined:
                while not future.done():
                    word = await ended(
                        future, clock=self._driver.clock, within_us=60_000_000, stop=self._stop
                    )
                    if word == "stop":
                        raise StepInterruptedError("the step was told to stop while it waited")
        return [results[place] for place in range(len(asked))]

    async def _round(
        self, left: dict[int, AskedCall], results: dict[int, Result]
    ) -> list[asyncio.Future[None]]:
        """Settle what can be settled now; return what is under way elsewhere, to look again."""
        driver = self._driver
        await through(driver.gate, self._stop, driver.clock)
        try:
            await driver.take_up()
            joined: list[asyncio.Future[None]] = []
            plans: dict[int, Plan] = {}
            judge = ToolJudge(driver, self._chain, self._stop)
            seen = driver.state
            looks = {place: await found(driver, call) for place, call in left.items()}
            for place, look in looks.items():
                if not isinstance(look, Over | Joined):
                    await driver.fresh(offered(left[place]))
            for place, call in left.items():
                look = looks[place]
                if isinstance(look, Open):
                    look = await still_open(driver, call, look)
                if isinstance(look, Unsettled):
                    probe = await probed(driver, call, look.unknown, self._stop)
                    if probe.settled:
                        look = await found(driver, call)
                match look:
                    case Over(result=result):
                        results[place] = result
                    case Joined(future=future):
                        joined.append(future)
                    case Unsettled(unknown=item):
                        results[place] = unknown(driver.state, item.intent_seq)
                    case Open(pause_id=pause_id):
                        raise AssertionError(f"{pause_id!r} was looked at")
                    case other:
                        problem = driver.ingress.secrets.problem(call.tool, call.arguments)
                        if problem is not None:
                            results[place] = problem
                            continue
                        plans[place] = await judge.judged(call, other)
                        if isinstance(plans[place], Holds):
                            # The calls behind it meet a run that is held, in the next round.
                            break
            begun = await self._begin(plans, results, seen) if plans else []
            if any(b.ready.asked.tool.effect == "once" for b in begun):
                await self._carry_out(begun, results)
                begun = []
        finally:
            driver.gate.release()
        await self._carry_out(begun, results)
        return joined

    # -- intents

    async def _begin(
        self, plans: dict[int, Plan], results: dict[int, Result], seen: RunState
    ) -> list[Begun]:
        """Write the intents and the questions of a batch at once; nothing is begun before."""
        driver = self._driver
        last: dict[int, tuple[int, Plan]] = {}
        refused: dict[int, QuarterdeckError] = {}

        def decide(state: RunState) -> Sequence[AnyEvent]:
            last.clear()
            refused.clear()
            check_budgets(seen, state)
            events: list[AnyEvent] = []
            # Intents first: behind an open question none could be written.
            for place, plan in sorted(plans.items(), key=intents_first):
                asks = isinstance(plan, Asks | Denied)
                error = stopped(state, decided=decided_on(plan, state), asks=asks)
                if isinstance(plan, Goes) and not still_granted(
                    plan.ready.permission.grant_id, state
                ):
                    error = StepInterruptedError("its grant was revoked just now; ask again")
                if error is not None:
                    refused[place] = error
                    continue
                if self._opening is not None and not events and isinstance(plan, Goes | Told):
                    events += self._opening(state)
                events += plan.events(state.head_seq + len(events) + 1)
                last[len(events) - 1] = place, plan
            return events

        crash_point("engine.intent.before")
        if driver.state.terminal:
            decide(driver.state)
            written: tuple[Event, ...] = ()
        else:
            try:
                written = await driver.append(decide)
            except AccountRefusedError as error:
                self._refused(error)
                return []
        crash_point("engine.intent.after")
        self._refusals = 0
        results.update(refused)
        begun: list[Begun] = []
        for at, (place, plan) in last.items():
            event = written[at]
            match plan:
                case Asks() | Denied() | Holds():
                    results[place] = plan.error(driver.state, event.seq)
                case Goes(ready=ready):
                    begun.append(Begun(place, ready, event.seq, _intent(event)))
                    driver.begin(ready.asked.step_key)
                case Told(ready=ready):
                    results[place] = outcome(
                        event,
                        step_key=ready.asked.step_key,
                        intent=intent_of(ready),
                        replayed=False,
                    )
        return begun

    def _refused(self, error: AccountRefusedError) -> None:
        """Note that others used up meanwhile what the guards saw: they are to look again."""
        self._refusals += 1
        if self._refusals > _REFUSALS:
            raise error

    # -- effects

    async def _carry_out(self, begun: Sequence[Begun], results: dict[int, Result]) -> None:
        """Dispatch what is begun, and wait for all of it."""
        if not begun:
            return
        if len(begun) == 1:
            results[begun[0].place] = await self._to_the_end(begun[0], fresh=True)
            return
        together = [b for b in begun if b.ready.asked.tool.effect != "once"]
        tasks = [asyncio.create_task(self._to_the_end(b, fresh=True)) for b in together]
        alone = [b for b in begun if b.ready.asked.tool.effect == "once"]
        for number, one in enumerate(alone):
            results[one.place] = await self._to_the_end(one, fresh=number == 0)
        if tasks:
            for one, result in zip(together, await asyncio.gather(*tasks), strict=True):
                results[one.place] = result

    async def _to_the_end(self, begun: Begun, *, fresh: bool) -> Result:
        """Make a call, and make it again as often as its policy and the run allow."""
        driver, asked = self._driver, begun.ready.asked
        began_us = driver.clock.monotonic_us()
        try:
            failures = 0
            while True:
                last, duration_us = await self._effect(begun, fresh=fresh)
                failures += 1
                delay_us, last = self._next(begun.ready, last, failures, began_us)
                result = await self._record(begun, last, duration_us)
                if delay_us is None:
                    return result
                waited = await ended(None, clock=driver.clock, within_us=delay_us, stop=self._stop)
                if waited == "stop":
                    return result
                begun, fresh = await self._again(begun), True
        except QuarterdeckError as error:
            return error
        finally:
            driver.finish(asked.step_key)

    def _next(
        self, ready: ReadyCall, last: Outcome, failures: int, began_us: int
    ) -> tuple[int | None, Outcome]:
        """Return after how long the call is made again, if it is, and the outcome to record."""
        policy, driver = ready.asked.retry, self._driver
        if last.word != "transient_error" or ready.attempt >= policy.tries:
            return None, last
        delay_us = policy.delay_us(failures, driver.chance.random())
        spent_us = driver.clock.monotonic_us() - began_us
        if spent_us + delay_us <= policy.budget_s * 1_000_000:
            return delay_us, last
        # Recorded: what is told now must be what is told when the step is replayed.
        return None, last if last.cause == CANCELLED else last._replace(cause=GAVE_UP)

    async def _effect(self, begun: Begun, *, fresh: bool) -> tuple[Outcome, int | None]:
        """Dispatch one intent; return its outcome, which is not written yet, and how long it took.

        What is refused at the last check is not dispatched.
        """
        driver, ready = self._driver, begun.ready
        try:
            refusal = await self._last_check(begun, fresh=fresh)
        except LeaseLostError:
            await tell_not_dispatched(driver, begun.intent_seq)
            raise
        except StoreError as error:
            refusal = f"it is not sure that this process still drives the run: {error}"
        if refusal is not None:
            return Outcome("not_dispatched", "refused", refusal), None
        started_us = driver.clock.monotonic_us()
        last = await dispatched(driver, ready, begun.intent_seq, self._stop)
        if last.word == "unknown_outcome":
            driver.doubted_boot_us[begun.intent_seq] = driver.clock.boot_us()
        return last, driver.clock.monotonic_us() - started_us

    async def _record(self, begun: Begun, last: Outcome, duration_us: int | None) -> Result:
        """Write an outcome; return what it means to whoever asked."""
        driver, ready = self._driver, begun.ready
        payload = completed(ready, begun.intent_seq, last, duration_us=duration_us)
        try:
            event = await driver.settle(payload, last.artifacts)
        except LeaseLostError:
            await tell_outcome(driver, payload)
            raise
        if last.word in {"unknown_outcome", "not_dispatched"} or last.cause == CANCELLED:
            # Somebody may have settled it in the same moment: then it is looked at again.
            return stopped(driver.state) or StepInterruptedError(last.error or last.word)
        return outcome(event, step_key=ready.asked.step_key, intent=begun.intent, replayed=False)

    async def _last_check(self, begun: Begun, *, fresh: bool) -> str | None:
        """Confirm, right before the effect, that it may still happen; return why it may not.

        Behind a fresh intent nothing has happened since it was allowed, in the same breath. The
        lease is looked at last, and once more if that took time: between it and the call nobody
        else has their turn.
        """
        driver = self._driver
        if begun.ready.asked.tool.has_preconditions:
            changed = await moved(driver, begun.ready, self._stop)
            if changed is not None:
                return changed
            fresh = False
        while True:
            reason = None if fresh else forbidden(begun, await driver.refresh())
            if not await driver.sure():
                break
            fresh = False
        if self._stop.concerns(once=False):
            return "the step was told to stop before it was dispatched"
        return reason

    async def _again(self, begun: Begun) -> Begun:
        """Write the intent of a further try, under the same key."""
        driver = self._driver
        # What allowed the first try is used up; that it failed and did nothing allows the next.
        ready = replace(begun.ready, attempt=begun.ready.attempt + 1, permission=NOTHING_SPECIAL)
        while True:
            seen = driver.state
            plan = await ToolJudge(driver, self._chain, self._stop).further(ready)

            def decide(
                state: RunState, plan: Goes | Holds = plan, seen: RunState = seen
            ) -> Sequence[AnyEvent]:
                error = stopped(state)
                if error is not None:
                    raise error
                check_budgets(seen, state)
                return plan.events(state.head_seq + 1)

            crash_point("engine.intent.before")
            try:
                written = await driver.append(decide)
            except AccountRefusedError as error:
                self._refused(error)
                continue
            crash_point("engine.intent.after")
            event = written[-1]
            if isinstance(plan, Holds):
                raise plan.error(driver.state, event.seq)
            return Begun(begun.place, plan.ready, event.seq, _intent(event))
