"""What is announced, what is kept of it, and what happens to whatever fails beside the screen."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from quarterdeck.app import QuarterdeckApp
from quarterdeck.dialogs.notices import NoticesDialog
from quarterdeck.views.notices import KEPT, Announcer, Arrival, Notice, NoticeBook, Watch
from quarterdeck.views.preferences import Notices, Preferences
from quarterdeck.views.work import Work, work_line
from quarterdeck.widgets.bars import WorkLine
from quarterdeck.widgets.deck import OSC_52_BYTES, Setup
from quarterdeck.widgets.terminal import title
from quarterdeck_kernel.vocabulary.rows import InboxRow
from tests.app.apps import pressed, still_app, ticked
from tests.app.frozen import NOW_US, fleet, item

SIZE = (100, 30)


def pause(number: int, *, deadline_us: int | None = None) -> InboxRow:
    return InboxRow(
        run_id=f"run-{number}",
        item_id="pause-1",
        kind="pause",
        tenant="demo",
        agent="a",
        title="delete [red]logs[/x]",
        seq=3,
        since_us=NOW_US,
        deadline_us=deadline_us,
    )


def arrivals(count: int, *, urgent: bool = False) -> list[Arrival]:
    return [Arrival(f"item {number}", f"words {number}", urgent) for number in range(count)]


def test_the_first_is_said_at_once_and_what_follows_in_one_sentence_with_one_bell() -> None:
    announcer = Announcer()
    first = announcer.announce(arrivals(1), 100.0)
    assert first is not None
    assert (first.text, first.bell) == ("item 0", True)
    for second in range(1, 8):
        assert announcer.announce(arrivals(1), 100.0 + second) is None
    assert announcer.announce([], 109.9) is None
    later = announcer.announce([], 110.0)
    assert later is not None
    assert (later.text, later.bell) == ("7 more wait", True)
    assert announcer.announce([], 130.0) is None


def test_one_that_comes_alone_later_is_said_by_name_and_one_more_waits() -> None:
    announcer = Announcer()
    announcer.announce(arrivals(1), 0.0)
    announcer.announce(arrivals(1), 5.0)
    later = announcer.announce([], 10.0)
    assert later is not None
    assert later.text == "1 more waits"
    alone = announcer.announce(arrivals(1), 40.0)
    assert alone is not None
    assert alone.text == "item 0"
    several = announcer.announce(arrivals(3), 60.0)
    assert several is not None
    assert several.text == "item 0 · 2 more wait"


def test_what_is_urgent_passes_the_limit_and_a_hundred_of_it_ring_once() -> None:
    announcer = Announcer()
    announcer.announce(arrivals(1), 0.0)
    urgent = announcer.announce(arrivals(100, urgent=True), 2.0)
    assert urgent is not None
    assert urgent.urgent
    assert urgent.bell
    assert urgent.text == "item 0 · 99 more wait"
    again = announcer.announce(arrivals(1, urgent=True), 2.1)
    assert again is not None
    assert not again.bell


def test_what_waits_at_the_start_is_no_news_and_each_deadline_is_told_once() -> None:
    watch = Watch()
    old, soon = pause(1), pause(2, deadline_us=NOW_US + 90_000_000)
    assert watch.look([old, soon], NOW_US) == []
    (new,) = watch.look([old, soon, pause(3)], NOW_US)
    words = "somebody is needed in run run-3"
    assert new == Arrival(f"{words}: delete [red]logs[/x]", words, urgent=False)
    (expiring,) = watch.look([old, soon, pause(3)], NOW_US + 30_000_000)
    assert expiring.urgent
    assert expiring.words == "a pause in run run-2 expires within a minute"
    assert watch.look([old, soon, pause(3)], NOW_US + 31_000_000) == []
    (unknown,) = watch.look([old, item("payments", "\x1b[2Jpay", 3)], NOW_US)
    assert unknown.urgent
    assert "\x1b" not in unknown.text
    (back,) = watch.look([old, pause(3), item("payments", "pay", 3)], NOW_US)
    assert back.words == "somebody is needed in run run-3"


def test_the_book_keeps_the_newest() -> None:
    book = NoticeBook()
    for number in range(KEPT + 5):
        book.write(Notice(number, "information", str(number)))
    assert len(book.read()) == KEPT
    assert book.read()[0].text == str(KEPT + 4)


@pytest.mark.parametrize(("notices", "said"), [("all", 2), ("urgent", 1), ("none", 0)])
async def test_arrivals_are_announced_as_preferred(notices: Notices, said: int) -> None:
    source = fleet()
    rang = []
    app = still_app(source, setup=Setup(preferences=Preferences(notices=notices)))
    app.bell = lambda: rang.append(1)  # type: ignore[method-assign]
    async with app.run_test(size=SIZE) as pilot:
        await ticked(pilot)
        for row in (pause(1), item("payments", "pay", 9)):
            source.change(replace(source.shown, inbox=(*source.shown.inbox, row)))
            await ticked(pilot)
        assert len(app.book.read()) == said
        assert 0 <= len(rang) <= said
        assert not any(notice.markup for notice in app._notifications)


async def test_whatever_worker_fails_the_app_survives_and_the_details_can_be_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")

    async def fail() -> None:
        raise LookupError("nobody [/x] thought\x1b[2J of this")

    async def fail_long(_work: Work) -> None:
        raise LookupError("nor of that")

    app = still_app()
    async with app.run_test(size=SIZE) as pilot:
        app.beside(fail, "reading")
        await app.workers.wait_for_complete()
        app.work("exporting", fail_long)
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.works == []
        assert [notice.text.partition("\n")[0] for notice in app.book.read()] == [
            "exporting: LookupError: nor of that",
            "reading: LookupError: nobody [/x] thought<ESC>[2J of this",
        ]
        await pressed(pilot, "colon", *"notices", "enter")
        assert isinstance(app.screen, NoticesDialog)
        await pressed(pilot, "down", "y")
        assert "Traceback (most recent call last)" in app.clipboard
        assert "nobody [/x] thought<ESC>[2J of this" in app.clipboard
        await pressed(pilot, "escape", "j")
        assert app.is_running


async def test_the_terminal_is_told_our_words_and_never_an_agents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    told: list[str] = []
    source = fleet()
    app = still_app(source)
    async with app.run_test(size=SIZE) as pilot:
        await ticked(pilot)
        monkeypatch.setattr(app, "tell_terminal", told.append)
        row = pause(1)._replace(title="\x1b]0;owned\x07", run_id="r\x1b\u202e1")
        source.change(replace(source.shown, inbox=(*source.shown.inbox, row)))
        await ticked(pilot)
    assert told[0] == "\x1b]0;Quarterdeck: 3 waiting\x07"
    assert told[1] == "\x1b]9;somebody is needed in run r<ESC><U+202E>1\x07"
    assert "owned" not in "".join(told)
    assert title("a\x1b\x07\u202eb" * 99).count("\x07") == 1


def shown(app: QuarterdeckApp) -> bool:
    return bool(app.screen.query_one(WorkLine).display)


async def test_work_that_takes_long_shows_and_is_stopped() -> None:
    now_s = [100.0]
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def export(work: Work) -> None:
        work.tell(3, 7)
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    app = still_app(setup=Setup(monotonic_s=lambda: now_s[0]))
    async with app.run_test(size=SIZE) as pilot:
        await pressed(pilot, "ctrl+g")
        app.work("exporting run 7f3a", export)
        await begun.wait()
        now_s[0] += 0.2
        await ticked(pilot)
        assert not shown(app)
        now_s[0] += 0.2
        await ticked(pilot)
        assert shown(app)
        assert (
            str(app.screen.query_one(WorkLine).render()).strip()
            == "exporting run 7f3a · 3 of 7 · 0 s · ^G stops it"
        )
        await pressed(pilot, "ctrl+g")
        await stopped.wait()
        await app.workers.wait_for_complete([])
        await ticked(pilot)
        assert not shown(app)
        said = app.book.read()[0].text
        assert said == "stopped: exporting run 7f3a; what was recorded by then stands"


def test_the_line_tells_of_the_newest_and_counts_the_others() -> None:
    works = [Work(name, 0.0, stop=lambda: None) for name in ("first", "second")]
    assert work_line(works, 0.1, "^G") is None
    assert work_line(works, 5.0, "^G") == "second · 5 s · and 1 more · ^G stops it"
    works[1].stopping = True
    assert work_line(works[1:], 5.0, "^G") == "second · 5 s · stopping…"


@pytest.mark.parametrize(("term", "size"), [("linux", 10), ("xterm", OSC_52_BYTES + 1)])
async def test_what_the_clipboard_does_not_take_goes_to_a_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: str, size: int
) -> None:
    monkeypatch.setenv("TERM", term)
    app = still_app(setup=Setup(copies_folder=tmp_path / "copies"))
    async with app.run_test(size=SIZE) as pilot:
        app.copy("a\x1b" * size, "the log")
        await app.workers.wait_for_complete()
        await pilot.pause()
        (path,) = (tmp_path / "copies").iterdir()
        assert path.read_text(encoding="utf-8") == "a<ESC>" * size
        assert str(path) in app.book.read()[0].text
        assert app.clipboard == ""


async def test_a_copy_that_cannot_be_written_is_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    (tmp_path / "file").write_text("in the way")
    app = still_app(setup=Setup(copies_folder=tmp_path / "file"))
    async with app.run_test(size=SIZE) as pilot:
        app.copy("text", "the log")
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.book.read()[0].text.startswith("copy to a file: ")
        assert app.is_running
