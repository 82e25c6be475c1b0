"""Pictures of the inbox and its details. After a deliberate change: ARGS=--snapshot-update."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import JsonValue
from textual.pilot import Pilot

from quarterdeck.views.matter import Earlier
from tests.app.frozen import NOW_US
from tests.app.inbox_stage import BEN, Stage, call, in_doubt, question, settled
from tests.snapshots.test_screens import SIZES, SnapCompare

THEMES = ["night", "day", "clear"]
LETTER = "dear sirs,\nplease find enclosed\n" + "\n".join(f"item {n}" for n in range(40))


def full() -> Stage:
    hostile = "the dockyard \x1b[2J\u202egnp.exe"
    arguments: JsonValue = {"amount": 884_100, "to": hostile, "letter": LETTER}
    first = call(1, risk="high", arguments=arguments, expires_us=NOW_US + 581_000_000)
    choice = question(
        5, type="choose", options=("north", "south"), schema={"enum": ["north", "south"]}
    )
    return Stage(first, in_doubt(2, can_probe=True), call(3), call(4, people=2), choice)


def keys(stage: Stage, *pressed: str) -> Callable[[Pilot[None]], object]:
    async def act(pilot: Pilot[None]) -> None:
        await stage.open(pilot)
        await stage.press(pilot, *pressed)
        await stage.wait(pilot)

    return act


def size_name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize("size", SIZES, ids=size_name)
def test_list(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(full().app(), terminal_size=size, press=["2", "j", "space"])


@pytest.mark.parametrize("size", [(60, 16), *SIZES[:3]], ids=size_name)
@pytest.mark.parametrize("moves", [0, 1, 4], ids=["approval", "unknown", "question"])
def test_detail(snap_compare: SnapCompare, size: tuple[int, int], moves: int) -> None:
    stage = full()
    run = keys(stage, *["n"] * moves)
    assert snap_compare(stage.app(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("pressed", ["r", "nt", "nne", "Ni", "nna", "np"])
def test_deciding(snap_compare: SnapCompare, theme: str, pressed: str) -> None:
    stage = full()
    assert snap_compare(stage.app(theme), terminal_size=(80, 24), run_before=keys(stage, *pressed))


@pytest.mark.parametrize("theme", THEMES)
def test_settled_elsewhere(snap_compare: SnapCompare, theme: str) -> None:
    stage = full()

    async def act(pilot: Pilot[None]) -> None:
        await stage.open(pilot)
        await stage.press(pilot, "r", "n", "o")
        first = stage.matters["run-1", "pause-1"]
        stage.put(settled(first, by=BEN))
        await stage.wait(pilot)

    assert snap_compare(stage.app(theme), terminal_size=(80, 24), run_before=act)


def test_a_void_approval_is_explained(snap_compare: SnapCompare) -> None:
    matter = call(1)
    before = settled(matter).settled
    assert before is not None
    earlier = Earlier(event=before, differences=("preconditions.balance: 10 → 3",))
    stage = Stage(replace(matter, earlier=earlier))
    assert snap_compare(stage.app(), terminal_size=(80, 24), run_before=keys(stage))


def test_readonly(snap_compare: SnapCompare) -> None:
    stage = full()
    stage.readonly = True
    assert snap_compare(stage.app(), terminal_size=(80, 24), run_before=keys(stage))


def test_nothing_waits(snap_compare: SnapCompare) -> None:
    assert snap_compare(Stage().app(), terminal_size=(80, 24), press=["2"])
