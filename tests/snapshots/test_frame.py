"""Pictures of the frame: settings, help, palette, menu, dialogs, notices, and the size notice."""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from quarterdeck.dialogs.base import ConfirmDialog
from quarterdeck.dialogs.text import Field, TextDialog
from quarterdeck.views.notices import Notice
from quarterdeck.views.preferences import Preferences
from quarterdeck.views.work import Tell
from quarterdeck.widgets.deck import Setup
from tests.app.apps import driving, pressed, still_app
from tests.app.frozen import HOSTILE, NOW_US

SnapCompare = Callable[..., bool]
Before = Callable[[Pilot[None]], Awaitable[None]]
SIZES = [(80, 24), (120, 40), (200, 50), (40, 12)]
THEMES = ["night", "day", "clear"]


def named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def typed(*keys: str) -> Before:
    async def before(pilot: Pilot[None]) -> None:
        await pressed(pilot, *keys)

    return before


@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize(
    ("name", "key"),
    [("help", "question_mark"), ("palette", "colon"), ("menu", "x"), ("settings", "5")],
)
def test_sizes(snap_compare: SnapCompare, name: str, key: str, size: tuple[int, int]) -> None:
    assert name
    assert snap_compare(still_app(), terminal_size=size, run_before=typed(key))


@pytest.mark.parametrize("theme", ["dusk", "day", "contrast", "clear", "ansi"])
def test_themes(snap_compare: SnapCompare, theme: str) -> None:
    assert snap_compare(still_app(theme=theme), terminal_size=(100, 30), run_before=typed("5"))


@pytest.mark.parametrize("theme", THEMES)
def test_quitting(snap_compare: SnapCompare, theme: str) -> None:
    async def leave(_how: str, _tell: Tell) -> None:
        pass

    app = still_app(driving(3), theme=theme, leave=leave)
    assert snap_compare(app, terminal_size=(80, 24), run_before=typed("q", "down", "right"))


@pytest.mark.parametrize("theme", THEMES)
def test_dialogs(snap_compare: SnapCompare, theme: str) -> None:
    async def open_form(pilot: Pilot[None]) -> None:
        fields = (
            Field("reason", "Reason, for the model", "not on a Friday"),
            Field("note", "Note"),
        )
        form: Screen[object] = TextDialog(
            f"Reject {HOSTILE}", fields, decide="Reject", text=HOSTILE
        )  # type: ignore[assignment]
        await pilot.app.push_screen(form)
        await pressed(pilot, "tab", "enter")

    app = still_app(theme=theme)
    assert snap_compare(app, terminal_size=(80, 24), run_before=open_form)


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (59, 16)], ids=named)
def test_a_long_question(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def ask(pilot: Pilot[None]) -> None:
        text = "\n".join(f"{number} old/branch-{number}" for number in range(30))
        question: Screen[object] = ConfirmDialog("Delete 30 branches?", text, decide="Delete")  # type: ignore[assignment]
        await pilot.app.push_screen(question)
        await pressed(pilot, "end")

    assert snap_compare(still_app(), terminal_size=size, run_before=ask)


def test_notices(snap_compare: SnapCompare) -> None:
    app = still_app(theme="dusk")
    app.book.write(Notice(NOW_US, "information", "copied run payments"))
    app.book.write(Notice(NOW_US, "error", f"reading: {HOSTILE!r}", "Traceback\n  a line"))
    before = typed("colon", *"notices", "enter")
    assert snap_compare(app, terminal_size=(80, 24), run_before=before)


def test_read_only_with_plain_glyphs(snap_compare: SnapCompare) -> None:
    setup = Setup(preferences=Preferences(glyphs="plain"), readonly=True, operator="ada")
    assert snap_compare(still_app(setup=setup), terminal_size=(80, 24))


@pytest.mark.parametrize("theme", ["night", "ansi"])
def test_without_colour(
    snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(still_app(theme=theme), terminal_size=(80, 24), run_before=typed("x"))
