"""Every theme can be read, in colour and without; a bad one is told about and left out."""

import asyncio
from pathlib import Path

import pytest
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from quarterdeck.app import QuarterdeckApp
from quarterdeck.dialogs.base import Dialog
from quarterdeck.views.colours import READABLE, Colour, contrast, read_colour
from quarterdeck.views.palette import (
    GROUNDS,
    SHIPPED,
    STATES,
    palette_problems,
    read_palette,
    read_themes,
)
from quarterdeck.views.preferences import Preferences
from quarterdeck.views.states import MARKS
from quarterdeck.widgets.deck import Setup
from tests.app.apps import pressed, still_app

RULES = set("─│╭╮╰╯▏▌┃ ▁▂▃▄▅▆▇█▔")
IN_COLOUR = [name for name in SHIPPED if name != "ansi"]
SIZE = (100, 30)
GOOD = """
dark = true
[colours]
{colours}
[variables]
{variables}
"""


def theme_file(**changed: str) -> str:
    palette = read_palette("night")
    tables = [
        "\n".join(f'{key} = "{changed.get(key, value)}"' for key, value in table.items())
        for table in (palette.colours, palette.variables)
    ]
    return GOOD.format(colours=tables[0], variables=tables[1])


def drawn(app: QuarterdeckApp) -> list[Strip]:
    return app.screen._compositor.render_strips()


def inked(app: QuarterdeckApp) -> list[tuple[str, Style]]:
    """What is written and how, without rules and empty places."""
    return [
        (segment.text, segment.style)
        for strip in drawn(app)
        for segment in strip
        if segment.style is not None and set(segment.text) - RULES
    ]


def rgb(color: Color | None) -> Colour:
    assert color is not None
    assert color.triplet is not None
    return Colour(*color.triplet)


def illegible(app: QuarterdeckApp) -> list[str]:
    found = []
    for text, style in inked(app):
        ratio = contrast(rgb(style.color), rgb(style.bgcolor))
        if ratio < READABLE:
            found.append(f"{text!r} {style}: {ratio:.1f}")
    return found


@pytest.mark.parametrize("theme", IN_COLOUR)
async def test_all_that_is_drawn_can_be_read(theme: str) -> None:
    app = still_app(theme=theme, setup=None)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert illegible(app) == []
        for key in ("j", "enter", "5"):
            await pressed(pilot, key)
            assert illegible(app) == []
        for number in range(40):
            if app.theme != theme:
                break
            await pressed(pilot, "G" if number == 0 else "up")
            app.preview(theme)
            await pilot.pause()
            assert illegible(app) == []
            if number > 12:
                break


async def until_drawn(app: QuarterdeckApp, *words: str) -> None:
    """Wait until all of it is on the screen: a notice takes its place some messages later."""
    async with asyncio.timeout(10):
        while any(all(word not in strip.text for strip in drawn(app)) for word in words):  # noqa: ASYNC110 - a screen tells nobody what it painted
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("theme", IN_COLOUR)
async def test_dialogs_and_notices_can_be_read(theme: str) -> None:
    app = still_app(theme=theme)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        for key in ("x", "question_mark", "colon"):
            await pressed(pilot, key)
            dialog = app.screen
            assert isinstance(dialog, Dialog)
            frame = dialog.query_one("#frame").region.shrink((1, 1, 1, 1))
            lines = [strip.crop(frame.x, frame.right) for strip in drawn(app)]
            for strip in lines[frame.y : frame.bottom]:
                for segment in strip:
                    if segment.style is not None and set(segment.text) - RULES:
                        style = segment.style
                        ratio = contrast(rgb(style.color), rgb(style.bgcolor))
                        assert ratio >= READABLE, (segment.text, style, ratio)
            await pressed(pilot, "escape")
        app.notice("it broke", "error", "details")
        app.notice("it may", "warning")
        app.notice("it works")
        await until_drawn(app, "it broke", "it may", "it works")
        assert illegible(app) == []


def test_the_rule_of_contrast_bites() -> None:
    one, other = read_colour("#777777"), read_colour("#888888")
    assert one is not None
    assert other is not None
    assert contrast(one, other) < 1.5
    assert round(contrast(Colour(0, 0, 0), Colour(255, 255, 255)), 2) == 21
    assert round(contrast(Colour(119, 119, 119), Colour(255, 255, 255)), 2) == 4.48


def test_high_contrast_has_seven_to_one_everywhere() -> None:
    palette = read_palette("contrast")
    for text in palette.texts().values():
        for ground in GROUNDS:
            one, other = read_colour(text), read_colour(palette.colours[ground])
            assert one is not None
            assert other is not None
            assert contrast(one, other) >= 7


MACHADO = {  # severity 1.0, linear RGB
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
               (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
               (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
               (0.004733, 0.691367, 0.303900)),
}  # fmt: skip


def seen(colour: Colour, kind: str) -> tuple[float, ...]:
    linear = [(channel / 255) ** 2.2 for channel in colour]
    return tuple(
        max(0.0, sum(w * c for w, c in zip(row, linear, strict=True))) ** (1 / 2.2)
        for row in MACHADO[kind]
    )


def least_distance(theme: str) -> float:
    variables = read_palette(theme).variables
    states = [read_colour(variables[f"state-{name}"]) for name in
              ("failed", "waiting", "held", "running", "done")]  # fmt: skip
    distances = []
    for kind in MACHADO:
        points = [seen(colour, kind) for colour in states if colour is not None]
        distances += [
            sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
            for number, one in enumerate(points)
            for other in points[:number]
        ]
    return float(min(distances))


def test_the_colour_blind_safe_theme_keeps_the_states_apart_where_the_others_do_not() -> None:
    assert least_distance("clear") >= 0.25
    assert least_distance("night") < 0.15


@pytest.mark.parametrize("theme", SHIPPED)
async def test_the_cursor_row_has_a_marker_and_reverse_video(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for no_color in (False, True):
        if no_color:
            monkeypatch.setenv("NO_COLOR", "1")
        app = still_app(theme=theme)
        async with app.run_test(size=SIZE) as pilot:
            await pressed(pilot, "j")
            (row,) = (strip for strip in drawn(app) if strip.text.startswith(">"))
            assert "cleaner" in row.text
            for segment in row:
                if segment.text.strip():
                    assert segment.style is not None
                    shown = segment.style
                    assert shown.reverse or (shown.bgcolor != shown.color and not no_color)
            below = next(strip for strip in drawn(app) if "importer" in strip.text)
            styles = {(s.style.color, s.style.bgcolor, s.style.reverse) for s in row if s.style}
            plain = {(s.style.color, s.style.bgcolor, s.style.reverse) for s in below if s.style}
            assert styles - plain


async def test_native_ansi_draws_nothing_in_the_colour_it_stands_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for no_color in (False, True):
        if no_color:
            monkeypatch.setenv("NO_COLOR", "1")
        app = still_app(theme="ansi")
        async with app.run_test(size=SIZE) as pilot:
            assert app.native_ansi_color
            for key in ("j", "5", "x"):
                await pressed(pilot, key)
                for text, style in inked(app):
                    assert not style.dim, text
                    default = style.color is None or style.color.is_default
                    assert default or style.color != style.bgcolor, (text, style)


@pytest.mark.parametrize("theme", SHIPPED)
def test_every_theme_names_every_state_and_keeps_the_unknown_apart(theme: str) -> None:
    palette = read_palette(theme)
    assert set(STATES) <= set(palette.variables)
    assert len(STATES) == len(MARKS)
    assert palette.label


def test_there_are_two_dark_one_light_and_one_of_sixteen_colours() -> None:
    palettes = [read_palette(name) for name in SHIPPED]
    assert [palette.name for palette in palettes if not palette.dark] == ["day"]
    assert [palette.name for palette in palettes if palette.ansi] == ["ansi"]
    assert len({palette.label for palette in palettes}) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dark = ", "cannot be read: "),
        ("name = 'x'", "needs the tables [colours] and [variables]"),
        (theme_file(primary="blue"), "primary = 'blue' is no colour; write it as #rrggbb"),
        (
            theme_file(foreground="#20252d"),
            "foreground #20252d on background #10151d has a contrast",
        ),
        (theme_file().replace("state-unknown", "state-unknwn"), "has no 'state-unknown'"),
        (
            "dark = 3\n" + theme_file().replace("dark = true", ""),
            "dark must be true or false, not 3",
        ),
        ("ansi = true\n" + theme_file(), "primary = '#8fb7e8' is no colour; write an ansi_ name"),
        ("x" * 70_000, "is larger than 64,000 bytes"),
    ],
)
def test_a_bad_theme_is_told_about_and_left_out(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    (tmp_path / "good.toml").write_text(theme_file(), encoding="utf-8")
    themes = read_themes(tmp_path)
    assert list(themes.palettes) == [*SHIPPED, "good"]
    assert any(problem.startswith(f"theme mine.toml: {said}") for problem in themes.problems)


def test_a_theme_cannot_take_the_name_of_ours_and_a_file_of_bytes_is_no_theme(
    tmp_path: Path,
) -> None:
    (tmp_path / "night.toml").write_text(theme_file(), encoding="utf-8")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    themes = read_themes(tmp_path)
    assert list(themes.palettes) == list(SHIPPED)
    assert "'night' is one of ours" in themes.problems[1]
    assert "cannot be read" in themes.problems[0]
    assert read_themes(tmp_path / "nowhere").problems == ()
    assert palette_problems({}) != []


async def test_a_persons_own_theme_is_shown_and_a_bad_one_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(theme_file(background="#000000"), encoding="utf-8")
    (tmp_path / "bad.toml").write_text("", encoding="utf-8")
    setup = Setup(preferences=Preferences(theme="mine"), themes_folder=tmp_path)
    app = still_app(setup=setup)
    async with app.run_test(size=SIZE) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.theme == "mine"
        (notice,) = app.book.read()
        assert notice.text.startswith("theme bad.toml: needs the tables")


async def test_a_theme_that_is_not_there_is_noticed_and_ours_shows() -> None:
    app = still_app(setup=Setup(preferences=Preferences(theme="nite")))
    async with app.run_test(size=SIZE) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.theme == "night"
        (notice,) = app.book.read()
        assert notice.text.startswith("there is no theme 'nite'; there are night, dusk")
