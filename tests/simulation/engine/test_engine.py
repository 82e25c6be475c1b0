"""The real engine keeps its promises under every fault, and the simulation sees if it does not.

A failure names its seed; `python -m tests.simulation.engine SEED` tells what happened.
"""

import os
from collections import Counter

import pytest

from tests.simulation.engine.broken import BROKEN, broken
from tests.simulation.engine.fleet import violations
from tests.simulation.engine.history import first_violation, play, told

# A process that is killed leaves what it had begun, and nobody awaits it any more.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SEEDS = range(100)
ENOUGH = range(600)
"""Seeds within which each broken engine must be found out; most take less than fifty."""

LONG = range(20_000 if os.environ.get("QUARTERDECK_CRASH") == "long" else 2_000)


def test_the_engine_survives() -> None:
    found = first_violation(SEEDS)
    assert found is None, f"seed {found.seed}: {found.violation}"


@pytest.mark.crash
def test_the_engine_survives_twenty_thousand_histories() -> None:
    found = {ended.seed: ended.violation for ended in violations(LONG)}
    assert found == {}


def test_where_nothing_goes_wrong_every_run_succeeds() -> None:
    for seed in range(15):
        ended = play(seed, calm=True)
        assert ended.violation is None, f"seed {seed}: {ended.violation}"
        assert set(ended.statuses) == {"succeeded"}, f"seed {seed}"


@pytest.mark.crash
@pytest.mark.parametrize("name", BROKEN)
def test_an_engine_without_one_care_is_found_out(name: str) -> None:
    with broken(name):
        assert first_violation(ENOUGH) is not None, f"no seed breaks, though: {name}"


def test_a_seed_is_one_history() -> None:
    assert told(3) == told(3)
    assert len({told(seed) for seed in range(4)}) == 4


def test_the_simulation_meets_what_it_is_about() -> None:
    met: Counter[str] = Counter()
    for seed in range(300, 340):
        met += play(seed).met
    wanted = {
        "killed", "suspended", "held", "released", "cancel_requested", "pause_requested",
        "pause_resolved", "guard_denied", "model_failed", "tool_reconciled", "tool_evidence",
        "run_succeeded", "run_cancelled", "timer_fired", "signal_received", "value_recorded",
        "workflow_step_completed", "engine.dispatch.before", "engine.outcome.after",
        "store.commit.before", "unknown_outcome", "not_dispatched", "transient_error", "retry",
    }  # fmt: skip
    assert {what for what in wanted if not met[what]} == set()
