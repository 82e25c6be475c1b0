"""Printing: a tool's text goes to its printout, everybody else's where it always went."""

import asyncio
import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from quarterdeck_kernel.tools import printed
from quarterdeck_kernel.tools.call import Call
from quarterdeck_kernel.tools.printed import Printout
from quarterdeck_kernel.vocabulary.limits import PRINTED_CHARS


@contextmanager
def installed() -> Iterator[None]:
    """For a part of a test: pytest sets the streams anew between setup and call."""
    printed.install()
    try:
        yield
    finally:
        printed.uninstall()


async def run(function: object, *, threaded: bool) -> Call:
    call = Call("work")
    call.start(function, threaded=threaded)  # type: ignore[arg-type]
    await call.result()
    return call


@pytest.mark.parametrize("threaded", [False, True])
async def test_what_a_tool_prints_is_kept_and_does_not_reach_the_screen(
    capsys: pytest.CaptureFixture[str], *, threaded: bool
) -> None:
    def work() -> None:
        print("out")  # noqa: T201
        print("err", file=sys.stderr, flush=True)  # noqa: T201
        sys.stdout.writelines(["a", "b"])
        sys.stdout.buffer.write(b"\xc3\xa9\xff\n")

    with installed():
        call = await run(work, threaded=threaded)
        print("screen")  # noqa: T201
    assert call.printed == "out\nerr\nabé�\n"
    assert capsys.readouterr() == ("screen\n", "")


async def test_calls_at_once_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    turn = asyncio.Event()

    async def first() -> None:
        print("one")  # noqa: T201
        await turn.wait()
        print("three")  # noqa: T201

    async def second() -> None:
        print("two")  # noqa: T201
        turn.set()

    calls = [Call("first"), Call("second")]
    with installed():
        for call, function in zip(calls, (first, second), strict=True):
            call.start(function, threaded=False)
        await asyncio.gather(*(call.result() for call in calls))
    assert [call.printed for call in calls] == ["one\nthree\n", "two\n"]
    assert capsys.readouterr().out == ""


async def test_what_was_printed_is_seen_while_the_call_goes_on() -> None:
    reached, go_on = threading.Event(), threading.Event()

    def work() -> None:
        print("half", end="")  # noqa: T201
        reached.set()
        assert go_on.wait(30)

    with installed():
        call = Call("work")
        call.start(work, threaded=True)
        await asyncio.to_thread(reached.wait, 30)
        assert call.printed == "half"
        go_on.set()
        await call.result()


async def test_a_tool_is_told_of_no_terminal_and_no_file() -> None:
    def work() -> bool:
        with pytest.raises(io.UnsupportedOperation, match="capture what a child process prints"):
            sys.stdout.fileno()
        return sys.stdout.isatty()

    with installed():
        call = Call("work")
        call.start(work, threaded=True)
        assert await call.result() is False


def test_outside_of_tools_the_stream_is_what_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    plain = sys.stdout
    with installed():
        assert sys.stdout is not plain
        assert sys.stdout.encoding == plain.encoding
        assert sys.stdout.isatty() is plain.isatty()
        assert sys.stdout.buffer is plain.buffer
        assert sys.stdout.fileno() == plain.fileno()
        print("through", flush=True)  # noqa: T201
    assert capfd.readouterr().out == "through\n"


def test_the_bound_holds_and_what_is_beyond_it_is_counted() -> None:
    printout = Printout()
    for _ in range(PRINTED_CHARS // 10 + 2):
        printout.write("0123456789")
    over = (PRINTED_CHARS // 10 + 2) * 10 - PRINTED_CHARS
    kept, said = printout.text.rsplit("\n", 1)
    assert len(kept) == PRINTED_CHARS
    assert said == f"({over} more characters were printed)"


def test_many_threads_may_write_at_once() -> None:
    printout = Printout()

    def write() -> None:
        for _ in range(500):
            printout.write("ab")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert printout.text == "ab" * 4_000


def test_the_last_to_uninstall_gives_the_streams_back() -> None:
    before = sys.stdout, sys.stderr
    printed.install()
    mine = sys.stdout
    printed.install()
    assert sys.stdout is mine
    assert mine is not before[0]
    printed.uninstall()
    assert sys.stdout is mine
    printed.uninstall()
    assert (sys.stdout, sys.stderr) == before


def test_a_stream_that_was_replaced_meanwhile_is_left_alone() -> None:
    before = sys.stdout
    cover = io.StringIO()
    printed.install()
    with contextlib.redirect_stdout(cover):
        printed.uninstall()
        assert sys.stdout is cover
        print("covered")  # noqa: T201
    # Who had covered it puts ours back: it passes everything through, and is taken up again.
    left = sys.stdout
    assert left is not before
    printed.install()
    assert sys.stdout is left
    printed.uninstall()
    assert sys.stdout is before
    assert cover.getvalue() == "covered\n"


async def test_over_another_redirection_a_tool_is_still_kept_apart() -> None:
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        printed.install()
        call = await run(lambda: print("tool"), threaded=True)  # noqa: T201
        print("app")  # noqa: T201
        printed.uninstall()
        assert sys.stdout is screen
    assert (call.printed, screen.getvalue()) == ("tool\n", "app\n")


def test_a_program_without_streams_is_left_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    printed.install()
    assert sys.stdout is None
    printed.uninstall()
    assert sys.stdout is None


async def test_who_comes_later_covers_a_stream_that_was_replaced_since() -> None:
    screen = io.StringIO()
    printed.install()
    try:
        with contextlib.redirect_stdout(screen):
            printed.install()
            call = await run(lambda: print("tool"), threaded=True)  # noqa: T201
            printed.uninstall()
    finally:
        printed.uninstall()
    assert (call.printed, screen.getvalue()) == ("tool\n", "")
