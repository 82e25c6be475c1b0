"""What is a person's own: their file, what they did, when they last looked, and the hints."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from quarterdeck.actions import BY_ID, SCOPES, Scope, in_scope
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.habits import Habits, habits_text, read_habits
from quarterdeck.views.looking import AWAY_US, Looking
from quarterdeck.views.nudges import (
    NUDGES,
    WALKED,
    WATCHED,
    Facts,
    Place,
    actions_named,
    nudge,
)
from quarterdeck.views.preferences import Preferences, read_preferences, written
from quarterdeck.views.quantities import clock_time
from quarterdeck.views.zone import Now, ShownZone
from quarterdeck.widgets.bars import NudgeLine
from quarterdeck.widgets.deck import Setup
from quarterdeck.widgets.fleet_list import FleetList
from quarterdeck.widgets.personal import personal
from quarterdeck_kernel.errors import SettingsError
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import NOW_US, FrozenSource, fleet, item, row
from tests.app.inbox_stage import Stage, call

SIZE = (100, 30)
FILE = """# mine
theme = "day"   # it is bright here

[keymap]
"fleet.open" = "f5"
"""


# -- the file


def test_what_is_chosen_is_written_into_the_file_and_all_else_stays() -> None:
    preferences, wrong = read_preferences(FILE)
    assert not wrong
    assert preferences == Preferences(theme="day", keymap={"fleet.open": "f5"})
    text = written(FILE, replace(preferences, theme='my "own"', mouse=False))
    assert text.startswith('# mine\ntheme = "my \\"own\\""\nmouse = false\n\n[keymap]\n')
    again, wrong = read_preferences(text)
    assert not wrong
    assert again == replace(preferences, theme='my "own"', mouse=False)
    back = written(text, replace(again, mouse=True))
    assert read_preferences(back)[0].mouse


def test_a_default_is_not_written_unless_it_stood_there() -> None:
    assert written("", Preferences()) == "\n"
    assert written("", Preferences(times="utc")) == 'times = "utc"\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('mouse = true\nglyph = "plain"', 2, "there is no setting 'glyph'; did you mean 'glyphs'?"),
        ('glyphs = "fancy"', 1, '"rich", "plain"'),
        ("mouse = 1", 1, "mouse is 1; it can be true, false"),
        ("\n\ntheme = 7", 3, "it is the name of a theme"),
        ("keymap = 3", 1, "keymap is a table"),
        ("a = = 3", 1, "it is no TOML"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_with_its_line(text: str, line: int, said: str) -> None:
    preferences, wrong = read_preferences(text)
    assert preferences == Preferences()
    assert [one.line for one in wrong] == [line]
    assert said in wrong[0].problem


def test_a_bad_keymap_ends_the_start_with_file_line_and_the_nearest_match(tmp_path: Path) -> None:
    file = tmp_path / "screen.toml"
    file.write_text('[keymap]\n"fleet.new" = "f6"\n"fleet.opn" = "f5"\n')
    with pytest.raises(SettingsError) as raised:
        personal(tmp_path, tmp_path)
    assert raised.value.problems == (
        f"{file}:3: there is no action 'fleet.opn'; did you mean 'fleet.open'?",
    )


def _kept(written: Awaitable[None]) -> None:
    async def wait() -> None:
        await written

    asyncio.run(wait())


def test_preferences_and_habits_outlive_the_app(tmp_path: Path) -> None:
    person = personal(tmp_path / "config", tmp_path / "state")
    assert (person.preferences, person.habits) == (Preferences(), Habits())
    _kept(person.keep(Preferences(theme="day", hints=False)))
    person.keep_habits(Habits(did=frozenset({"open"}), looked_us={"/a": 7}))
    again = personal(tmp_path / "config", tmp_path / "state")
    assert again.preferences == Preferences(theme="day", hints=False)
    assert again.habits == Habits(did=frozenset({"open"}), looked_us={"/a": 7})
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["habits.json"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"did": 3}', '{"looked_us": {"a": "x"}}'])
def test_habits_that_cannot_be_read_are_forgotten(text: str) -> None:
    assert read_habits(text) == Habits()


def test_the_workspaces_that_were_looked_at_last_are_remembered() -> None:
    many = Habits(looked_us={str(number): number for number in range(300)})
    kept = read_habits(habits_text(many)).looked_us
    assert len(kept) == 200
    assert min(kept.values()) == 100


# -- times


def test_times_are_told_as_is_preferred_now() -> None:
    zone = ShownZone(timezone(timedelta(hours=5)))
    at_us = int(datetime(2026, 3, 1, 22, 30, tzinfo=UTC).timestamp()) * 1_000_000
    assert clock_time(at_us, zone) == "03:30:00"
    day_us = 86_400_000_000
    assert Now(at_us + 1, "local", zone).ago(at_us) == "03:30"
    assert Now(at_us + day_us, "local", zone).ago(at_us) == "03-02"
    assert Now(at_us + day_us, "relative", zone).ago(at_us) == "1d"
    zone.utc = True
    assert clock_time(at_us, zone) == "22:30:00"
    assert Now(at_us + 1, "utc", zone).ago(at_us) == "22:30"
    assert clock_time(at_us, ShownZone(None)) == clock_time(at_us, None)


# -- since one last looked


def test_what_has_changed_since_one_looked_is_new_until_it_is_opened() -> None:
    rows = [row("old", "running", age_s=60), row("new", "running", age_s=1, head_seq=9)]
    looking = Looking(NOW_US - 30_000_000)
    assert looking.new(rows) == {"new"}
    looking.saw("new", 9)
    assert looking.new(rows) == frozenset()
    looking.saw("new", 8)
    assert looking.new(rows) == {"new"}
    assert Looking(None).new(rows) == frozenset()


def test_who_comes_back_after_a_while_finds_what_came_meanwhile_marked() -> None:
    looking = Looking(None)
    looking.leave(NOW_US - AWAY_US)
    looking.come_back(NOW_US)
    assert looking.since_us == NOW_US - AWAY_US
    looking.leave(NOW_US)
    looking.come_back(NOW_US + AWAY_US - 1)
    assert looking.since_us == NOW_US - AWAY_US


# -- hints


def ids(*scopes: Scope, without: str = "-") -> frozenset[str]:
    found = (action.id for scope in scopes for action in in_scope(scope))
    return frozenset(name for name in found if not name.startswith(without))


ON_FLEET = ids("fleet", "list", "global", "menu")
ON_APPROVAL = ids("approval", "item", "list", "global", without="approval.answer")
ON_QUESTION = ids("approval", "item", "list", "global", without="approval.approve")
ON_UNKNOWN = ids("unknown", "item", "list", "global")
IN_RUN = ids("log", "run", "list", "global", "menu")
ON_LEDGER = ids("ledger", "list", "global")


def named(
    source: FrozenSource, *did: str, here: frozenset[str] = ON_FLEET, place: Place = "elsewhere"
) -> str | None:
    found = nudge(Facts(source.shown, frozenset(did), place, here))
    return found.name if found else None


def all_three() -> FrozenSource:
    """Return a fleet in which a call, a question and an unknown outcome wait."""
    source = fleet()
    asks = item("cleaner", "delete", 3)._replace(kind="pause", tool="delete")
    question = asks._replace(tool=None)
    source.shown = replace(source.shown, inbox=(item("payments", "pay", 3), asks, question))
    return source


def test_hints_go_on_by_what_was_done_and_by_what_there_is() -> None:
    source = all_three()
    done: list[str] = []
    walked = []
    while (name := named(source, *done)) is not None:
        walked.append(name)
        done.append(next(iter(next(one for one in NUDGES if one.name == name).over)))
    there = ["unknown there", "approval there", "question there"]
    assert walked == ["open", "need", "budget", *there]
    source.shown = replace(source.shown, rows=(row("a", "done"),), inbox=())
    assert named(source, *done) == "once"
    done.append(WALKED)
    assert named(source, *done) == "settled"
    source.shown = replace(source.shown, rows=())
    assert named(source) == "start"
    assert named(source, "new_run") is None
    source.shown = replace(source.shown, trouble="gone")
    assert named(source) is None


def test_a_hint_is_of_the_screen_that_is_open() -> None:
    source = all_three()
    assert named(source, here=ON_UNKNOWN) == "unknown"
    assert named(source, here=ON_APPROVAL) == "approval"
    assert named(source, here=ON_QUESTION) == "question"
    assert named(source, here=ON_LEDGER) == "need"
    assert named(source, "probe", "reject", "answer", here=ON_LEDGER) == "need"
    assert named(source, "next_need", "probe", "reject", here=ON_LEDGER) == "question there"
    assert named(source, here=IN_RUN, place="past") == "past"
    source.shown = replace(source.shown, inbox=())
    assert named(source, "probe", here=IN_RUN, place="run") == "once here"
    assert named(source, "probe", here=ON_UNKNOWN) == "once there"
    assert named(source, here=ON_APPROVAL) is None


@pytest.mark.parametrize(
    "here", [ON_FLEET, ON_APPROVAL, ON_QUESTION, ON_UNKNOWN, IN_RUN, ON_LEDGER]
)
def test_a_hint_names_no_key_that_does_nothing_here(here: frozenset[str]) -> None:
    for source in (all_three(), fleet(), FrozenSource(Glimpse(loaded=True))):
        done: list[str] = []
        while (one := nudge(Facts(source.shown, frozenset(done), "elsewhere", here))) is not None:
            assert actions_named(one.text) <= here
            done += one.over


def test_a_hint_that_looked_at_no_screen_would_be_found_out() -> None:
    everything = ids(*SCOPES)
    said = nudge(Facts(all_three().shown, here=everything))
    assert said is not None
    assert not actions_named(said.text) <= ON_APPROVAL


async def test_an_open_item_hints_at_what_can_be_done_with_it_and_reading_only_at_nothing() -> None:
    for readonly in (False, True):
        stage = Stage(call())
        app = still_app(stage, clerk=stage, setup=Setup(readonly=readonly), hints=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await ticked(pilot)
            fleet_hint = str(app.screen.query_one(NudgeLine).render())
            await pressed(pilot, "w")
            await ticked(pilot)
            await ticked(pilot)
            item_hint = str(app.screen.query_one(NudgeLine).render())
            assert "Enter opens a run" in fleet_hint
            assert ("r rejects with a reason" in item_hint) is not readonly
            assert "Enter" not in item_hint


def test_every_hint_names_actions_and_keys_that_there_are() -> None:
    methods = {action.method for action in BY_ID.values()}
    assert methods | {WALKED} >= WATCHED
    for one in NUDGES:
        for piece in one.text.split("{")[1:]:
            assert BY_ID[piece.partition("}")[0]].keys


async def test_a_hint_is_one_line_never_in_the_way_and_gone_for_good_when_hidden() -> None:
    kept: list[Preferences] = []

    async def keep(preferences: Preferences) -> None:
        kept.append(preferences)

    left: list[Habits] = []
    setup = Setup(keep=keep, keep_habits=left.append, place="here")
    app = still_app(setup=setup, hints=True)
    async with app.run_test(size=(80, 24)) as pilot:
        line = app.screen.query_one(NudgeLine)
        assert "Enter opens a run" in str(line.render())
        assert line.region.height == 1
        assert line.region.y == 22
        await pressed(pilot, "enter", "escape")
        await ticked(pilot)
        assert app.did == {"open"}
        assert "w: someone needs you" in str(line.render())
        await pressed(pilot, "H")
        await ticked(pilot)
        await app.workers.wait_for_complete()
        assert not line.display
        assert [one.hints for one in kept] == [False]
    assert left == [Habits(did=frozenset({"open"}), looked_us={"here": NOW_US})]


async def test_the_fleet_marks_what_is_new_since_somebody_looked() -> None:
    habits = Habits(looked_us={"here": NOW_US - 3_000_000})
    app = still_app(setup=Setup(place="here", habits=habits))
    async with app.run_test(size=SIZE) as pilot:
        fleet_list = app.screen.query_one(FleetList)
        assert fleet_list.new == {"surveyor"}
        assert fleet_list.render_line(5).text.startswith(" •► running")
        fleet_list.pick("surveyor")
        await pressed(pilot, "enter")
        await ticked(pilot)
        await pressed(pilot, "escape")
        assert fleet_list.new == frozenset()


async def test_times_go_from_relative_to_local_to_utc_and_round() -> None:
    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        shown = []
        for _ in range(3):
            app.action_times()
            await pilot.pause()
            shown.append(app.preferences.times)
            line = app.screen.query_one(FleetList).render_line(1).text
            assert ("1m" in line) is (app.preferences.times == "relative")
        assert shown == ["local", "utc", "relative"]
