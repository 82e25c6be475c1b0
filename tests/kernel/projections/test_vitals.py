"""The numbers of BEHAVIOURS B2, and what the folds feed them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.events.guard_events import (
    CircuitClosed,
    CircuitOpened,
    GuardDenied,
    GuardRedacted,
    GuardWarned,
)
from quarterdeck_kernel.events.run_events import RunSucceeded
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.projections.vitals import Vitals
from tests.kernel.projections import payloads as make
from tests.kernel.projections.log import ANNE, running


def test_the_numbers() -> None:
    vitals = Vitals()
    assert vitals.uncertainty == 0.7
    vitals.succeeded()
    assert vitals.uncertainty == pytest.approx(0.595)
    vitals.failed()
    assert vitals.uncertainty == pytest.approx(0.745)
    for _ in range(9):
        vitals.failed()
        vitals.wrote()
    assert (vitals.uncertainty, vitals.side_effects) == (1.0, 1.0)
    vitals.read()
    assert vitals.side_effects == pytest.approx(0.8)
    vitals.turned()
    assert vitals.side_effects == pytest.approx(0.72)
    for _ in range(99):
        vitals.succeeded()
    assert vitals.uncertainty == 0.05


@pytest.mark.parametrize(
    ("vitals", "risk"),
    [
        (Vitals(uncertainty=0.76), "high"),
        (Vitals(uncertainty=0.1, side_effects=0.71), "high"),
        (Vitals(uncertainty=0.75), "medium"),
        (Vitals(uncertainty=0.1, side_effects=0.41), "medium"),
        (Vitals(uncertainty=0.45, side_effects=0.4), "low"),
    ],
)
def test_risk(vitals: Vitals, risk: str) -> None:
    assert vitals.risk == risk


@pytest.mark.parametrize(
    ("vitals", "asks", "finished", "mode"),
    [
        (Vitals(tool_streak=3), True, True, "ask_human"),
        (Vitals(tool_streak=1, model_streak=2), False, True, "recover"),
        (Vitals(tool_streak=2), False, True, "sleep"),
        (Vitals(uncertainty=0.66), False, False, "explore"),
        (Vitals(uncertainty=0.1, context_tokens=81, window_tokens=100), False, False, "explore"),
        (Vitals(uncertainty=0.65, side_effects=0.61), False, False, "verify"),
        (Vitals(uncertainty=0.1, context_tokens=80, window_tokens=100), False, False, "execute"),
        (Vitals(uncertainty=0.1, context_tokens=80), False, False, "execute"),
    ],
)
def test_mode(vitals: Vitals, asks: bool, finished: bool, mode: str) -> None:  # noqa: FBT001 - a table
    assert vitals.mode(asks=asks, finished=finished) == mode


@given(st.lists(st.sampled_from(["succeeded", "wrote", "read", "turned"]), max_size=60))
def test_no_successes_put_a_run_to_sleep(moves: list[str]) -> None:
    vitals = Vitals()
    for move in moves:
        getattr(vitals, move)()
    assert vitals.mode(asks=False, finished=False) != "sleep"


def test_a_model_that_answers_does_not_mend_a_tool_that_fails() -> None:
    log = running()
    for number in range(3):
        request = log.add(make.asked(f"m{number}"))
        log.add(make.answered(request, f"m{number}", tool_calls=1))
        log.add(make.done(log.add(make.tool(f"t{number}")), "permanent_error"))
    assert log.state.vitals.error_streak == 3
    assert log.state.mode == "recover"
    log.add(CircuitOpened(streak=3, threshold=3))
    assert log.state.circuit_open
    log.add(CircuitClosed(), ANNE)
    assert (log.state.circuit_open, log.state.vitals.error_streak) == (False, 0)


def test_vitals_recover_when_errors_stop() -> None:
    log = running()
    log.add(make.done(log.add(make.tool()), "permanent_error"))
    log.add(make.failed(log.add(make.asked())))
    assert log.state.vitals.error_streak == 2
    request = log.add(make.asked())
    log.add(make.answered(request, tool_calls=0))
    assert log.state.vitals.error_streak == 0


def test_the_folds_feed_them() -> None:
    log = running()
    log.add(make.done(log.add(make.tool())))
    assert log.state.vitals.side_effects == 0.2
    log.add(make.done(log.add(make.tool("t2", effect="read"))))
    log.add(PhaseEntered(turn=1, phase="perceive"))
    log.add(PhaseEntered(turn=1, phase="execute"))
    assert log.state.vitals.side_effects == pytest.approx(0.2 * 0.8 * 0.9)
    assert (log.state.turn, log.state.phase) == (1, "execute")
    before = log.state.vitals.uncertainty
    log.add(GuardWarned(guard="g", reason=None))
    log.add(GuardRedacted(guard="g", where="prompt", counts={"email": 1}))
    assert log.state.vitals.uncertainty == before
    log.add(GuardDenied(guard="g", reason=None))
    assert log.state.vitals.uncertainty == pytest.approx(before + 0.15)
    request = log.add(make.asked(window_tokens=200))
    log.add(make.answered(request))
    assert log.state.vitals.context_pressure == pytest.approx(0.6)
    assert Vitals().context_pressure is None
    log.add(make.pause())
    assert log.state.mode == "ask_human"
    log.add(make.answer(), ANNE)
    log.add(RunSucceeded(answer=None))
    modes = [log.state.mode]
    assert modes == ["sleep"]


def test_progress_is_that_of_the_agents_own_plan() -> None:
    assert Vitals().progress is None
    log = running()
    done = make.done(log.add(make.tool(effect="read")))
    log.add(done.model_copy(update={"plan_done": 1, "plan_total": 4}))
    assert log.state.vitals.progress == 0.25
    log.add(make.done(log.add(make.tool("t2"))))
    assert log.state.vitals.progress == 0.25, "what is not about the plan leaves it alone"
    assert log.state.copy().vitals.progress == 0.25
