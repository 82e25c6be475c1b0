"""What a second kernel on the same folder makes of what the first left open: A9."""

from pathlib import Path

import pytest

from quarterdeck_kernel import (
    RetryPolicy,
)
from quarterdeck_kernel.errors import (
    ReconciliationRequiredError,
)
from tests.kernel.engine.deck import (
    UNKNOWN,
    WatchedClock,
    World,
    acting,
    kernel_of,
    left_open,
    over,
    pays,
    story,
)


@pytest.mark.parametrize("effect", ["read", "idempotent"])
@pytest.mark.parametrize("tries", [1, 3])
async def test_what_is_safe_to_repeat_goes_again_by_itself(
    effect: str, tries: int, tmp_path: Path
) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    retry = RetryPolicy(tries=tries, timeout_s=10)
    first = kernel_of(acting(lost.waits, effect=effect, retry=retry), at=tmp_path, clock=clock)
    second = kernel_of(acting(world.acts, effect=effect, retry=retry), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        result = await pays(kernel, run)
        assert (result.attempt, result.replayed, world.count) == (2, False, 1)
        assert world.calls[0].idempotency_key == lost.calls[0].idempotency_key
        assert await story(kernel, run) == ["intent 1", "transient_error", "intent 2", "success"]
        await over(task, lost)


async def test_a_once_effect_left_open_is_unknown_and_nothing_makes_it_go_again(
    tmp_path: Path,
) -> None:
    clock, lost, world = WatchedClock(), World(), World()
    first = kernel_of(acting(lost.waits), at=tmp_path, clock=clock)
    second = kernel_of(acting(world.acts), at=tmp_path, clock=clock)
    async with first as dead, second as kernel:
        run_id, task = await left_open(dead, lost)
        run = await kernel.load_run(run_id)
        for _ in range(3):
            with pytest.raises(ReconciliationRequiredError, match="requires reconciliation"):
                await pays(kernel, run)
            assert await story(kernel, run) == UNKNOWN
        assert world.count == 0
        await over(task, lost)
