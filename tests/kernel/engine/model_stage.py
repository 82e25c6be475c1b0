"""A stage for model steps: a provider that a test plays, and a clock that a test can wait upon."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.errors import ModelTransientError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.kernel.kernel import Kernel
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener
from quarterdeck_kernel.testing.fake_clock import Alarm, FakeClock
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall
from quarterdeck_kernel.vocabulary.price import Price
from quarterdeck_kernel.vocabulary.retry import RetryPolicy
from quarterdeck_kernel.vocabulary.usage import Usage

STEADY = RetryPolicy(jitter=0)
SOON_S = 20

Play = ModelAnswer | Exception | Callable[[ModelRequest, TextListener | None], Awaitable[Any]]


def says(
    text: str, *calls: ToolCall, cost_micros: int | None = 7, finish_reason: str = "stop"
) -> ModelAnswer:
    return ModelAnswer(
        message=Message(role="assistant", text=text, tool_calls=calls),
        finish_reason=finish_reason,
        usage=Usage(input_tokens=3, output_tokens=2),
        cost_micros=cost_micros,
        model="stage-1",
    )


def overloaded(**said: int) -> ModelTransientError:
    return ModelTransientError("overloaded", **{"status": 429, **said})


class Provider:
    """Implements the port by its plays, in order; without one it counts its answers."""

    def __init__(self, *plays: Play) -> None:
        self.plays = list(plays)
        self.asked: list[ModelRequest] = []
        self.charges: Price | None = None
        self._changed = asyncio.Condition()

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        self.asked.append(request)
        async with self._changed:
            self._changed.notify_all()
        play = self.plays.pop(0) if self.plays else says(f"answer {len(self.asked)}")
        if isinstance(play, ModelAnswer):
            return play
        if isinstance(play, Exception):
            raise play
        answer: ModelAnswer = await play(request, listener)
        return answer

    def window_tokens(self, model: str) -> int | None:
        assert model
        return 1_000

    def price(self, model: str) -> Price | None:
        assert model
        return self.charges

    async def close(self) -> None:
        pass

    async def called(self, times: int) -> None:
        """Wait until it was asked so often."""
        async with self._changed:
            await asyncio.wait_for(
                self._changed.wait_for(lambda: len(self.asked) >= times), timeout=SOON_S
            )


class Held:
    """A play that answers when it is told to."""

    def __init__(self, answer: ModelAnswer | None = None) -> None:
        self._answer = answer or says("at last")
        self._go = asyncio.Event()
        self.cancelled = False

    async def __call__(self, request: ModelRequest, listener: TextListener | None) -> ModelAnswer:
        del request, listener
        try:
            await self._go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return self._answer

    def go(self) -> None:
        self._go.set()


class SteppedClock(FakeClock):
    """Tells a test that somebody waits for a time, so that it may let it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_us: list[int] = []
        self._changed = asyncio.Event()

    def call_later(self, us: int, callback: Callable[[], None]) -> Alarm:
        self.waits_us.append(us)
        self._changed.set()
        return super().call_later(us, callback)

    async def passes(self, least_us: int, most_us: int | None = None) -> int:
        """Wait until somebody waits for as long as that, let it pass, return how long it was."""
        async with asyncio.timeout(SOON_S):
            while True:
                self._changed.clear()
                for us in self.waits_us:
                    if least_us <= us <= (most_us or least_us):
                        self.waits_us.clear()
                        self.advance(us)
                        return us
                await self._changed.wait()


class Stage:
    """A workspace, its clock, and the kernels that are opened upon it one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SteppedClock()
        self.provider = Provider()

    async def kernel(self, *plays: Play, **wiring: Any) -> Kernel:  # noqa: ANN401 - those of `Kernel.open`
        self.provider = Provider(*plays)
        wiring.setdefault("model", self.provider)
        return await Kernel.open(self.folder, clock=self.clock, **wiring)


async def events_of(kernel: Kernel, run: Run | str) -> list[Event]:
    run_id = run if isinstance(run, str) else run.run_id
    events: list[Event] = []
    while records := await kernel.store.read(run_id, after=len(events)):
        events += [await opened(kernel.store, record) for record in records]
    return events


async def kinds_of(kernel: Kernel, run: Run | str) -> list[str]:
    """Return the kinds of a run's events behind its beginning."""
    return [event.kind for event in (await events_of(kernel, run))[2:]]


async def reached(kernel: Kernel, run: Run, kind: str, times: int = 1) -> None:
    """Wait until the log holds so many events of a kind."""
    async with asyncio.timeout(SOON_S):
        while True:
            events = await events_of(kernel, run)
            if sum(event.kind == kind for event in events) >= times:
                return
            await kernel.store.wait(after=len(events), run_id=run.run_id)
