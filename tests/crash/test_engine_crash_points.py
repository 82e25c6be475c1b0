"""Processes die at the points that scenarios pass, one after the other, and each run comes home.

Effects are counted in a file outside. Whatever died, and wherever: the end is that of the run in
which nothing did, nothing that is `once` has happened twice, and nothing was done without an
intent on disk. A failure names scenario, process, point and passage.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.cases import SEED, Case, Place, Play, Sound, side_by_side
from tests.crash.scenarios.playbill import SCENARIOS
from tests.crash.stagehand import ANY, Crash

_UNSTEADY = {"store.renew.before", "store.renew.after"}
"""Passed whenever their time comes: a process that dies there may be over before."""


def spread(sounds: dict[str, Sound], seed: int) -> Iterator[tuple[str, Place]]:
    """Yield a few places of all scenarios: every name of a point at least once, each a scenario."""
    rng = random.Random(seed)
    by_point: dict[str, dict[str, list[Place]]] = {}
    for name in SCENARIOS:
        for place in sounds[name].places():
            by_point.setdefault(place.crash.point, {}).setdefault(name, []).append(place)
    for point in sorted(by_point):
        name = rng.choice(sorted(by_point[point]))
        yield name, rng.choice(by_point[point][name])


def dying_once(folder: Path, whole: Sound, place: Place) -> Play[None]:
    case = Case(folder, whole.scenario, [place])
    yield from case.checked(whole)
    steady = whole.scenario.steady and place.crash.point not in _UNSTEADY
    assert not (case.missed and steady), f"{whole.scenario.name}: {place} was not reached"
    shutil.rmtree(folder)


def dying_often(folder: Path, whole: Sound, rng: random.Random) -> Play[None]:
    """Let several processes of one case die, the next one while it takes up what the last left."""
    lengths = [len(points) for points in whole.points]
    places = [
        Place(number, Crash(ANY, rng.randrange(1, rng.choice(lengths) + 1)))
        for number in range(rng.choice((2, 2, 3, 5)))
    ]
    return Case(folder, whole.scenario, places).checked(whole)


# Which points there are is found by running, so that one test goes through the spread.
def test_every_named_point_is_survived(tmp_path: Path, sounds: dict[str, Sound]) -> None:
    side_by_side(
        dying_once(tmp_path / f"{nth}", sounds[name], place)
        for nth, (name, place) in enumerate(spread(sounds, SEED))
    )


def test_a_run_taken_up_may_die_again(tmp_path: Path, sounds: dict[str, Sound]) -> None:
    side_by_side(
        dying_often(tmp_path / name, sounds[name], random.Random(f"{SEED} {name}"))
        for name in list(SCENARIOS)[SEED % 2 :: 2]
    )


def test_the_scenarios_pass_every_point_of_the_engine(sounds: dict[str, Sound]) -> None:
    passed = {place.crash.point for name in SCENARIOS for place in sounds[name].places()}
    engine = ("intent", "dispatch", "outcome", "take_up", "end", "pause", "probe", "reconcile")
    flows = ("value", "timer_set", "timer_fired")
    expected = {f"engine.{what}.{when}" for what in engine + flows for when in ("before", "after")}
    assert expected == {point for point in passed if point.startswith("engine.")}
    writes = ("commit", "register", "claim", "release", "checkpoint")
    assert {f"store.{what}.{when}" for what in writes for when in ("before", "after")} < passed
    assert {"journal.append.before", "journal.append.after"} < passed


def test_the_scenarios_come_to_their_ends(sounds: dict[str, Sound]) -> None:
    """The measure of all the others, looked at by itself once."""
    ends = {name: sounds[name].ends[name] for name in SCENARIOS}
    assert {name for name, end in ends.items() if end.status == "cancelled"} == {
        "cancel_at_boundary",
        "cancel_flow",
        "cancel_now",
    }
    assert all(
        end.status == "succeeded" for name, end in ends.items() if not name.startswith("cancel")
    )
    assert ends["pause"].answer == ["painted", "green", True]
    assert ends["approval"].ends["turn-0/2"] == ("success", "paid 50")
    assert ends["workflow"].answer == [
        {"dough": "mixed 500"},
        "yes to the oven",
        "the post",
        "baked",
    ]
    assert ends["unknown"].doubts == 5
    assert {name for name, end in ends.items() if end.doubts} == {"unknown"}


@pytest.mark.crash
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_passage_of_every_point_is_survived(
    tmp_path: Path, sounds: dict[str, Sound], name: str
) -> None:
    side_by_side(
        dying_once(tmp_path / f"{nth}", sounds[name], place)
        for nth, place in enumerate(sounds[name].places())
    )


@pytest.mark.crash
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_may_die_and_die_again(tmp_path: Path, sounds: dict[str, Sound], name: str) -> None:
    side_by_side(
        dying_often(tmp_path / f"{seed}", sounds[name], random.Random(f"{seed} {name}"))
        for seed in range(1_000, 1_010)
    )
