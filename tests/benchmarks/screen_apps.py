"""The apps that are measured, each in a process and a terminal of its own.

`python screen_apps.py app FOLDER REPORT` shows a workspace and writes, when it quits, how late its
loop was and what it cost; `list ROWS REPORT` is a bare virtual list, the floor of what a key costs;
`live FOLDER RATE SECONDS` writes so many events a second into a run of that workspace.
"""

import asyncio
import fcntl
import gc
import json
import resource
import sys
import termios
import time
from pathlib import Path

LAG_EVERY_S = 0.01


class Meter:
    """How late the loop was, and what the process used, until now."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self._start_s = time.monotonic()

    async def run(self) -> None:
        """Sleep a moment again and again, and note how much longer it took."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(LAG_EVERY_S)
            self.lags.append((time.perf_counter() - before - LAG_EVERY_S) * 1e3)

    def report(self, path: str) -> None:
        """Write it down."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        report = {
            "lags_ms": self.lags,
            "cpu_s": used.ru_utime + used.ru_stime,
            "wall_s": time.monotonic() - self._start_s,
            "peak_mb": peak_kb / 1_024,
        }
        Path(path).write_text(json.dumps(report), encoding="utf-8")


def show(folder: str, report: str) -> None:
    """Show a workspace as the command line does, without a person's own files."""
    gc.disable()
    from quarterdeck.app import QuarterdeckApp
    from quarterdeck.kernel_link.link import KernelLink
    from quarterdeck.kernel_link.workspace import Workspace
    from quarterdeck.views.preferences import Preferences
    from quarterdeck.widgets.deck import Setup

    meter = Meter()
    link = KernelLink(Workspace(Path(folder)))
    setup = Setup(preferences=Preferences(hints=False))
    app = QuarterdeckApp(link, clerk=link, background=(link.run, meter.run), setup=setup)
    app.run()
    meter.report(report)


def bare_list(rows: str, report: str) -> None:
    """Show a list that draws only what is seen, with a cursor, and nothing else."""
    from rich.segment import Segment
    from rich.style import Style
    from textual.app import App, ComposeResult
    from textual.geometry import Size
    from textual.scroll_view import ScrollView
    from textual.strip import Strip

    class Bare(ScrollView, can_focus=True):
        cursor = 0

        def on_mount(self) -> None:
            self.virtual_size = Size(0, int(rows))

        def key_j(self) -> None:
            self.cursor += 1
            top, height = self.scroll_offset.y, self.size.height
            if self.cursor >= top + height:
                self.scroll_to(y=self.cursor - height + 1, animate=False)
            self.refresh()

        def render_line(self, y: int) -> Strip:
            number = y + self.scroll_offset.y
            style = Style(reverse=number == self.cursor)
            text = f"row {number}".ljust(self.size.width)
            return Strip([Segment(text, style)], self.size.width)

    class BareApp(App[None]):
        AUTO_FOCUS = "Bare"

        def compose(self) -> ComposeResult:
            yield Bare()

        def key_q(self) -> None:
            self.exit()

    meter = Meter()
    BareApp().run()
    meter.report(report)


async def write_live(folder: str, rate: str, seconds: str) -> None:
    """Write events of a talk at a steady rate, as a driver in another process does."""
    from quarterdeck_kernel.store.batch import Creation
    from quarterdeck_kernel.store.sqlite.store import SqliteStore
    from quarterdeck_kernel.vocabulary.limits import BATCH_EVENTS, SNAPSHOT_EVERY
    from tests.benchmarks.sealed_log import ANNE, SealedLog
    from tests.benchmarks.talk import Talk, beginning

    store = await SqliteStore.open(Path(folder) / "quarterdeck.db")
    try:
        log, talk = SealedLog("live", at_us=time.time_ns() // 1_000), Talk(seed=1, compact_every=40)
        for payload in beginning():
            log.add(payload, actor=ANNE)
        await store.append(log.batch(Creation(tenant=log.tenant)))
        log.epoch = (await store.claim("live")).epoch
        print("begun", flush=True)
        start, written = time.monotonic(), 0
        while (passed := time.monotonic() - start) < float(seconds):
            due = min(int(passed * int(rate)) - written, BATCH_EVENTS)
            for _ in range(due):
                log.add(talk.payload(log.state))
            if due:
                await store.append(log.batch())
                if log.state.head_seq % SNAPSHOT_EVERY < due:
                    await store.put_snapshot(log.snapshot())
            written += due
            await asyncio.sleep(0.02)
        print(json.dumps({"written": written}))
    finally:
        await store.close()


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "live":
        asyncio.run(write_live(*arguments))
    else:
        # Its own terminal: when whoever looks at that is gone, however it ended, so is this.
        fcntl.ioctl(sys.stdin, termios.TIOCSCTTY, 0)
        {"app": show, "list": bare_list}[what](*arguments)
