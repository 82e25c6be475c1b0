"""The effect protocol of DESIGN survives every interleaving tried, and no rule of it is spare.

A failure names its seed; `protocol.told(seed)` tells its history step by step.
"""

from collections import Counter
from dataclasses import replace

import pytest

from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolEvidence, ToolReconciled
from tests.simulation.folds import FOLDS, without
from tests.simulation.protocol import Simulation, first_violation, simulate, told
from tests.simulation.rules import MUTANTS, RIGHT

SEEDS = range(2_000)
ENOUGH = range(2_000)
"""Seeds within which each mutant must be found; few take more than a hundred."""

RARE = {"evidence_stops_retry": range(3_150, 3_200)}
"""Where to look for what comes up once in thousands of seeds."""


def test_the_right_protocol_survives() -> None:
    assert first_violation(SEEDS) is None


def test_it_survives_a_driver_stopped_between_its_last_check_and_the_call() -> None:
    assert first_violation(range(800), gap=True) is None


@pytest.mark.crash
@pytest.mark.parametrize("tenth", range(10))
def test_it_survives_a_hundred_thousand_seeds(tenth: int) -> None:
    assert first_violation(range(tenth * 10_000, (tenth + 1) * 10_000)) is None


@pytest.mark.crash
def test_it_survives_being_stopped_before_the_call_in_thirty_thousand_seeds() -> None:
    assert first_violation(range(30_000), gap=True) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_a_protocol_without_one_rule_is_found_out(name: str) -> None:
    seeds = RARE.get(name, ENOUGH)
    assert first_violation(seeds, MUTANTS[name]) is not None, f"no seed breaks without {name}"


@pytest.mark.parametrize("name", FOLDS)
def test_a_fold_without_one_of_its_cares_is_found_out(name: str) -> None:
    with without(name):
        assert first_violation(ENOUGH) is not None, f"no seed breaks, though not: {name}"


def test_a_probe_is_believed_too_early_unless_the_former_driver_is_gone() -> None:
    """Waiting for lease and timeout is not enough for a driver stopped just before its call."""
    found = first_violation(ENOUGH, replace(RIGHT, not_done_needs_death=False), gap=True)
    assert found is not None
    assert "probe's 'not done'" in str(found.violation)


def test_a_seed_is_one_history() -> None:
    for seed in range(30):
        assert told(seed) == told(seed)
    assert len({told(seed) for seed in range(30)}) == 30


def test_the_model_meets_what_it_is_about() -> None:
    """A model that never gets into trouble proves nothing."""
    met: Counter[str] = Counter()
    for seed in range(600):
        simulation = Simulation(seed)
        met[simulation.run().status] += 1
        met["too late"] += sum(who.told_too_late for who in simulation.operators)
        for event in simulation.log.events:
            match event.payload:
                case ToolCompleted() as payload:
                    met[f"{payload.outcome} {payload.cause or ''}".strip()] += 1
                case ToolReconciled() as payload:
                    met[f"{payload.verdict} by {payload.by}"] += 1
                case ToolEvidence() as payload:
                    met[f"evidence {payload.source} {payload.verdict}"] += 1
                case _:
                    met[event.kind] += 1
    wanted = {
        "succeeded", "cancelled", "too late", "held", "released", "cancel_requested",
        "pause_requested", "pause_resolved", "not_dispatched", "success", "transient_error",
        "transient_error interrupted", "transient_error timeout", "unknown_outcome interrupted",
        "unknown_outcome timeout", "unknown_outcome exception", "done by probe", "retry by probe",
        "done by operator", "failed by operator", "retry by operator", "evidence late_result done",
        "evidence late_result not_done", "evidence probe cannot_tell",
    }  # fmt: skip
    assert {what for what in wanted if met[what] < 5} == set()


def test_time_enough_for_many_seeds() -> None:
    """A history has some forty steps; the longest are cut off, and say so."""
    steps = [simulate(seed).steps for seed in range(200)]
    assert max(steps) < 700
