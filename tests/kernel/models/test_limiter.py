"""The limiter: so many requests at once for a provider, whatever the run; patience for all."""

import asyncio

import pytest

from quarterdeck_kernel.models.limiter import AT_ONCE, Limiter, provider_of
from quarterdeck_kernel.testing.fake_clock import FakeClock


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def entered(limiter: Limiter, model: str, number: int) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(limiter.enter(model)) for _ in range(number)]
    await settled()
    return tasks


async def left(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def test_a_provider_stands_before_the_first_slash() -> None:
    assert provider_of("openai/gpt/5") == "openai"
    assert provider_of("scripted") is None


async def test_no_more_enter_than_may_and_models_of_one_provider_share() -> None:
    limiter = Limiter(FakeClock(), {"acme": 2})
    big, small = await entered(limiter, "acme/big", 2), await entered(limiter, "acme/small", 2)
    assert [task.done() for task in (*big, *small)] == [True, True, False, False]
    limiter.leave("acme/big")
    await settled()
    assert [task.done() for task in small] == [True, False]
    await left(small)


async def test_other_providers_and_models_of_nobody_are_not_kept_waiting() -> None:
    limiter = Limiter(FakeClock(), {"acme": 1})
    waiting = await entered(limiter, "acme/big", 2)
    other = await entered(limiter, "other/big", AT_ONCE)
    nobodys = await entered(limiter, "scripted", 1_000)
    assert all(task.done() for task in (*other, *nobodys))
    assert not waiting[1].done()
    await left(waiting)


async def test_a_provider_that_asks_for_patience_is_left_alone_by_all() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    limiter.shut("acme/big", 2_000_000)
    (waiting,) = await entered(limiter, "acme/small", 1)
    clock.advance(1_999_999)
    await settled()
    assert not waiting.done()
    clock.advance(1)
    await settled()
    assert waiting.done()


async def test_nobody_waits_for_hours_because_a_provider_says_so() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    limiter.shut("acme/big", 3_600_000_000)
    (waiting,) = await entered(limiter, "acme/big", 1)
    clock.advance(60_000_000)
    await settled()
    assert waiting.done()


async def test_who_gives_up_waiting_takes_no_slot_away() -> None:
    clock = FakeClock()
    limiter = Limiter(clock, {"acme": 1})
    limiter.shut("acme/big", 1_000_000)
    await left(await entered(limiter, "acme/big", 2))
    clock.advance(1_000_000)
    (last,) = await entered(limiter, "acme/big", 1)
    assert last.done()


async def test_a_limiter_that_lets_all_enter_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    async def enter(_self: Limiter, _model: str) -> None:
        return None

    monkeypatch.setattr(Limiter, "enter", enter)
    with pytest.raises(AssertionError):
        await test_no_more_enter_than_may_and_models_of_one_provider_share()
