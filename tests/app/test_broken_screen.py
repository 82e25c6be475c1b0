"""What ends the screen by an error in itself: a sentence, a file, and no traceback for people."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from textual.app import App

from quarterdeck.app import QuarterdeckApp
from quarterdeck.cli import screen
from quarterdeck.cli.ending import ExitCode
from quarterdeck.cli.main import main
from quarterdeck.views.troubles import ScreenBrokenError
from tests.app.apps import still_app

KEPT = "what a variable holds"


def _break(_app: QuarterdeckApp) -> None:
    kept = KEPT
    raise ZeroDivisionError("a tick [/x] \x1b[31m" + kept[:0])


@pytest.mark.parametrize("where", ["_announce", "on_mount"])
async def test_an_error_in_the_screen_is_raised_and_nothing_is_printed(
    where: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run_async = App.run_async

    async def headless(app: App[None]) -> None:
        await run_async(app, headless=True, size=(80, 24))

    monkeypatch.setattr(App, "run_async", headless)
    monkeypatch.setattr(QuarterdeckApp, where, _break)
    with pytest.raises(ScreenBrokenError, match="the screen broke: ZeroDivisionError: a tick"):
        await still_app().run_to_its_end()
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err
    assert KEPT not in said.out + said.err


def _ended(state: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    def broken(*_: object, **__: object) -> None:
        raise ScreenBrokenError from ZeroDivisionError("a tick [/x] \x1b[31m")

    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setattr(sys.modules["quarterdeck.cli.main"], "open_screen", broken)
    return CliRunner().invoke(main, [])


def test_people_read_one_sentence_and_the_traceback_is_in_a_file_of_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _ended(tmp_path, monkeypatch)
    assert result.exit_code == ExitCode.FAILED
    (kept,) = (tmp_path / "quarterdeck" / "broken").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    text = kept.read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "in broken" in text
    assert "\x1b" not in text
    assert result.output == (
        "quarterdeck: the screen broke: ZeroDivisionError: a tick [/x] <ESC>[31m; what was "
        "recorded stands, so start it again. The traceback is in "
        f"{kept}: give it to whoever looks after Quarterdeck\n"
    )


def test_a_traceback_that_cannot_be_kept_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("no folder")
    result = _ended(tmp_path / "state", monkeypatch)
    assert result.exit_code == ExitCode.FAILED
    assert "Traceback" in result.output
    assert "could not be kept" in result.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_screen_that_is_told_to_end_ends_in_good_order(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, link, run_async = still_app(), FakeLink(), App.run_async
    unheard: list[int] = []

    def unhandled(number: int, _frame: object) -> None:
        unheard.append(number)
        app.exit()

    async def headless(app: App[None]) -> None:
        def told() -> None:
            os.kill(os.getpid(), number)

        await run_async(app, headless=True, size=(80, 24), auto_pilot=lambda _: _told(told))

    monkeypatch.setattr(App, "run_async", headless)
    loop, before = asyncio.get_running_loop(), signal.signal(number, unhandled)
    try:
        async with asyncio.timeout(10):
            await screen._shown(app, link)  # type: ignore[arg-type]
    finally:
        for each in (signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(each)
        signal.signal(number, before)
    assert not unheard
    assert link.closed
    assert app.return_code == 0


async def _told(told: Callable[[], None]) -> None:
    told()


class FakeLink:
    """Is closed in good order, or not."""

    closed = False

    async def ended(self) -> None:
        self.closed = True
