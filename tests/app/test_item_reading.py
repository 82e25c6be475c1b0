"""Approving needs the text to have been shown, line by line, whatever the terminal's size."""

import asyncio

import pytest
from pydantic import JsonValue
from textual.pilot import Pilot

from quarterdeck.screens.item import ItemScreen
from quarterdeck.views.reading import Reading
from quarterdeck.views.wrapping import GOES_ON, wrapped
from quarterdeck.widgets.bars import StatusLine, TitleLine
from quarterdeck.widgets.matter_pane import HELD_BACK_CHARS
from tests.app.apps import ticked
from tests.app.inbox_stage import Stage, call

SIZE = (80, 24)
LONG: dict[str, JsonValue] = {
    "amount": 1,
    "to": "\n".join(f"line {number} of the letter" for number in range(60)),
}


def lock(screen: ItemScreen) -> str:
    return str(screen.query_one("#lock", TitleLine).render())


def armed(screen: ItemScreen) -> bool:
    return "ARMED" in str(screen.query_one(StatusLine).render())


async def read_on(stage: Stage, pilot: Pilot[None], pages: int) -> None:
    for _ in range(pages):
        await stage.press(pilot, "pagedown")


async def test_a_text_longer_than_the_screen_is_locked_until_its_lines_were_shown() -> None:
    stage = Stage(call(1, arguments=LONG))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        assert "not read yet" in lock(screen)
        await stage.press(pilot, "a")
        assert not armed(screen)
        await read_on(stage, pilot, 10)
        assert "lines read" in lock(screen)
        await stage.press(pilot, "a", "enter")
        assert stage.verbs == ["approved"]


async def test_jumping_to_the_end_shows_no_more_than_the_end() -> None:
    stage = Stage(call(1, arguments=LONG))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await stage.press(pilot, "end")
        assert screen.pane.unread > 20
        await stage.press(pilot, "a")
        assert not armed(screen)


async def test_a_resize_while_reading_forgets_nothing_and_gives_nothing_away() -> None:
    stage = Stage(call(1, arguments=LONG))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await read_on(stage, pilot, 1)
        left, total = screen.pane.unread, len(screen.pane.lines)
        await pilot.resize_terminal(60, 24)
        await ticked(pilot)
        assert len(screen.pane.lines) >= total
        assert 0 < screen.pane.unread <= left
        await pilot.resize_terminal(120, 24)
        await ticked(pilot)
        assert 0 < screen.pane.unread <= left
        await read_on(stage, pilot, 10)
        assert screen.pane.unread == 0


async def test_another_digest_is_another_text_to_read() -> None:
    stage = Stage(call(1, arguments=LONG))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await read_on(stage, pilot, 10)
        assert screen.pane.unread == 0
        stage.put(call(1, arguments={**LONG, "amount": 2}))
        await ticked(pilot)
        await ticked(pilot)
        assert screen.pane.unread > 20


async def test_going_away_and_coming_back_the_lines_are_as_read_as_they_were() -> None:
    stage = Stage(call(1, arguments=LONG), call(2))
    async with stage.app().run_test(size=SIZE) as pilot:
        screen = await stage.open(pilot)
        await read_on(stage, pilot, 10)
        await stage.press(pilot, "n", "N")
        assert screen.name_shown[0] == "run-1"
        assert screen.pane.unread == 0


async def test_a_text_that_is_held_back_is_locked_until_all_of_it_was_asked_for_and_shown() -> None:
    stage = Stage(call(1, arguments={"amount": 1, "to": "x" * (HELD_BACK_CHARS + 500)}))
    async with stage.app().run_test(size=(200, 50)) as pilot:
        screen = await stage.open(pilot)
        await read_on(stage, pilot, 6)
        assert screen.pane.held > 0
        assert "held back" in lock(screen)
        await stage.press(pilot, "a")
        assert not armed(screen)
        await stage.press(pilot, "v")
        assert screen.pane.held == 0
        await read_on(stage, pilot, 6)
        await stage.press(pilot, "a", "enter")
        assert stage.verbs == ["approved"]


async def test_what_a_notice_lies_upon_was_not_shown() -> None:
    stage = Stage(call(1, arguments=LONG))
    app = stage.app()
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        notice = "\n".join(f"somebody is needed elsewhere {number}" for number in range(9))
        app.notify(notice, timeout=60)
        async with asyncio.timeout(10):
            while not (app.screen.query("Toast") and app.screen.query("Toast").first().size):
                await pilot.pause()
        screen = await stage.open(pilot)
        async with asyncio.timeout(10):
            while not (toasts := screen.query("Toast")) or not toasts.first().size:
                await pilot.pause()
        screen.pane.reading._spans.clear()
        screen.pane.paint_again()
        await ticked(pilot)
        seen, height = len(screen.pane.lines) - screen.pane.unread, screen.pane.size.height
        assert 0 < seen < height
        app.clear_notifications()
        async with asyncio.timeout(10):
            while screen.query("Toast"):
                await pilot.pause()
        screen.pane.paint_again()
        await ticked(pilot)
        assert len(screen.pane.lines) - screen.pane.unread == height


async def test_reject_needs_no_reading() -> None:
    stage = Stage(call(1, arguments=LONG))
    async with stage.app().run_test(size=SIZE) as pilot:
        await stage.open(pilot)
        await stage.press(pilot, "r", "n", "o", "tab", "right", "enter")
        assert [(d.verb, d.reason) for d in stage.decided] == [("rejected", "no")]


# -- pure


@pytest.mark.parametrize("cells", [8, 20, 79, 300])
def test_wrapping_cuts_nothing_and_every_line_knows_its_place(cells: int) -> None:
    text = "  indented words go on and on and on\n\nwide 海図を描く and e\u0301\nend"
    lines = wrapped(text, cells)
    assert [line.begin for line in lines[1:]] == [line.end for line in lines[:-1]]
    assert lines[-1].end == len(text) + 1
    from rich.cells import cell_len

    assert all(cell_len(line.text) <= cells for line in lines)
    again = "".join(text[line.begin : line.end] for line in lines)
    assert again == text


def test_a_line_that_goes_on_looks_like_no_line_of_its_own() -> None:
    lines = wrapped("to  " + "x" * 20 + " " * 40 + "amount 1", 30)
    assert not any(line.text.lstrip().startswith("amount") for line in lines)
    assert all(GOES_ON in line.text for line in lines[1:])


def test_lines_are_read_by_their_characters_not_by_their_numbers() -> None:
    text = "one two three four five six seven eight nine ten"
    reading = Reading()
    narrow, wide = wrapped(text, 12), wrapped(text, 30)
    reading.show(narrow[0].begin, narrow[0].end)
    assert reading.unread(wide) == len(wide)
    assert reading.unread(narrow) == len(narrow) - 1
    for line in wide:
        reading.show(line.begin, line.end)
    assert reading.unread(narrow) == 0
