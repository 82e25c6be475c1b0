"""Engines that are broken on purpose: for each invariant a test beside this one sees it."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel.engine import dispatch, probing, run_driver, tool_record, tool_step
from quarterdeck_kernel.engine.cancellation import Stop
from quarterdeck_kernel.engine.tool_call import ExactCall
from quarterdeck_kernel.projections import legality
from tests.kernel.engine import test_approvals as approvals
from tests.kernel.engine import test_tool_batches as batches
from tests.kernel.engine import test_tool_cancellation as cancellation
from tests.kernel.engine import test_tool_losses as losses
from tests.kernel.engine import test_tool_probes as probes
from tests.kernel.engine import test_tool_steps as steps

Test = Callable[..., Coroutine[Any, Any, None]]


async def catches(test: Test, *given: object, **named: object) -> None:
    """Pass if the test does not."""
    try:
        async with asyncio.timeout(3):
            await test(*given, **named)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however it fails, it sees it
        return
    pytest.fail(f"{test.__name__} does not see it")


async def test_an_engine_that_never_looks_at_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async def blind(*_: object) -> tool_record.Found:
        return tool_record.Fresh()

    monkeypatch.setattr(tool_step, "found", blind)
    await catches(steps.test_what_was_done_replays_and_appends_nothing, "once")


async def test_an_engine_that_takes_an_unknown_for_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = dispatch._uncertain

    def sure(*, once: bool, **given: str) -> dispatch.Outcome:
        assert once
        return real(once=False, **given)

    monkeypatch.setattr(dispatch, "_uncertain", sure)
    await catches(cancellation.test_cancelled_during_the_call_a_once_effect_is_unknown)


async def test_an_approval_that_is_bound_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExactCall, "digest", lambda _: "0" * 64)
    for test in (
        approvals.test_another_version_of_the_tool_is_asked_about_again,
        approvals.test_another_preview_is_asked_about_again,
        approvals.test_another_rule_is_asked_about_again,
    ):
        await catches(test)


async def test_a_probe_that_is_believed_too_early(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(probing, "_nothing_on_its_way", lambda *_: True)
    await catches(probes.test_not_done_is_believed_only_when_the_tools_time_has_passed, tmp_path)


async def test_a_dispatch_without_a_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(tool_step.ToolSteps, "_last_check", nothing)
    await catches(
        batches.test_a_later_once_effect_is_not_dispatched_if_something_came_between, "hold"
    )


async def test_a_driver_that_is_always_sure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def sure(*_: object) -> None:
        return None

    monkeypatch.setattr("quarterdeck_kernel.engine.lease_keeper.LeaseKeeper.sure", sure)
    await catches(losses.test_a_call_whose_lease_was_lost_is_not_dispatched, tmp_path)


async def test_a_stop_that_breaks_off_every_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stop, "concerns", lambda self, **_: self.reason is not None)
    await catches(
        cancellation.test_a_once_effect_is_never_broken_off_by_who_wants_the_run_to_end, now=True
    )


async def test_an_outcome_that_is_not_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgets(driver: run_driver.RunDriver) -> None:
        driver.owed.clear()

    monkeypatch.setattr(run_driver.RunDriver, "_pay_debts", forgets)
    await catches(
        losses.test_an_outcome_that_the_disk_refused_is_written_before_anything_else,
        monkeypatch,
    )


async def test_a_boundary_that_lets_everything_pass_is_stopped_by_legality(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two lines of defence: an engine that forgets is refused by the journal, and both are seen."""
    monkeypatch.setattr(tool_step, "stopped", lambda *_, **__: None)
    await catches(approvals.test_while_a_question_is_open_nothing_new_is_begun)
    monkeypatch.setattr(legality, "tool_refusal", lambda *_: None)
    await catches(approvals.test_while_a_question_is_open_nothing_new_is_begun)
