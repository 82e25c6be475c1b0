"""The suite can fail: engines that are broken on purpose, each caught by a case of it."""

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.crash import engine_mutants
from tests.crash.cases import Case, Place, Sound, alone
from tests.crash.stagehand import Crash, Mutation


class Caught(NamedTuple):
    """The scenario that finds a mutant out, the point at which it dies, and by which words."""

    by: str
    words: str
    dies_at: Crash | None = None


BEFORE_EFFECT: Final = Crash("engine.dispatch.before", 2)
BEHIND_EFFECT: Final = Crash("engine.dispatch.after", 2)
"""Of an agent's first tool: its model was asked before."""

MUTANTS: Final[dict[Mutation, Caught]] = {
    engine_mutants.dispatches_before_the_intent: Caught("plain", "done before its intent"),
    engine_mutants.tries_an_interrupted_once_again: Caught(
        "held", "happened 2 times", BEHIND_EFFECT
    ),
    engine_mutants.takes_an_interrupted_once_for_done: Caught(
        "held", "is on record as done, and never was", BEFORE_EFFECT
    ),
    engine_mutants.leaves_open_what_it_found_open: Caught("held", "nobody is at it", BEHIND_EFFECT),
    engine_mutants.forgets_whose_outcome_it_is: Caught(
        "parallel", "with an open tool call|cost is"
    ),
    engine_mutants.asks_a_person_again: Caught("pause", "does not end"),
    engine_mutants.asks_a_model_again: Caught("pause", "cost is"),
    engine_mutants.calls_a_tool_again: Caught("held", r"happened \d times|does not end"),
    engine_mutants.runs_a_finished_step_again: Caught("workflow", "tried again after 'success'"),
    engine_mutants.acknowledges_too_early: Caught(
        "held",
        "was stored, and is not|wrote to a run that is over",
        Crash("journal.append.after", 4),
    ),
    engine_mutants.lets_a_guarded_call_go: Caught("approval", "messages is|ends is"),
    engine_mutants.never_gives_back_what_an_interrupted_call_reserved: Caught(
        "budget", "the account of budget says", BEHIND_EFFECT
    ),
    engine_mutants.reserves_nothing: Caught("budget", "the account of budget says"),
}


@pytest.mark.parametrize("mutation", MUTANTS, ids=[each.__name__ for each in MUTANTS])
def test_a_broken_engine_is_caught(
    tmp_path: Path, sounds: dict[str, Sound], mutation: Mutation
) -> None:
    caught = MUTANTS[mutation]
    whole = sounds[caught.by]
    places = [] if caught.dies_at is None else [Place(0, caught.dies_at)]
    with pytest.raises(AssertionError, match=caught.words):
        alone(Case(tmp_path / "broken", whole.scenario, places, mutation=mutation).checked(whole))
