"""A run with a past to scrub: bookmarks, files, a plan of a fork, and a fork to compare with."""

from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.past import FileDiff, FileSeen
from quarterdeck_kernel import (
    Comparison,
    ForkEffect,
    ForkPlan,
    ForkTotals,
    Pair,
    RunTotals,
    StepLine,
)
from quarterdeck_kernel.engine.comparison import Divergence
from quarterdeck_kernel.tools.builtin.diff import diff_of
from tests.app.frozen import FrozenSource, bookmark, row
from tests.app.voyage import NAME, at_sea, voyage

HEAD = len(voyage())
FORK = "navigator-9c1f"
OLD = "# Course\n\n- leave at dawn\n- keep the reef to port\n- anchor in the bay\n"
NEW = "# Course\n\n- leave at dawn\n- keep the reef to starboard\n- anchor in the bay\n- wait\n"


def plan(seq: int) -> ForkPlan:
    paying = ForkEffect(HEAD - 2, "pay/8841", "pay", "once")
    return ForkPlan(
        run_id=NAME,
        seq=seq,
        head_seq=HEAD,
        changed=(),
        replayed=ForkTotals(4, 3, 244_000),
        behind=ForkTotals(2, 3, 122_000),
        recorded=(),
        again=(ForkEffect(seq, "model/5", "small-1", "model"),),
        unknown=(),
        pauses=(),
        ahead=(ForkEffect(seq + 4, "read_chart/5", "read_chart", "read"), paying),
        barred=(),
        more=False,
        budget_micros=None,
        left_micros=None,
    )


def totals(run_id: str, status: str, cost_micros: int, head_seq: int) -> RunTotals:
    return RunTotals(
        run_id, head_seq, status, 6, cost_micros, False, 14_300, 7, 6, 21_000_000, None  # type: ignore[arg-type]  # noqa: FBT003 - a fact
    )  # fmt: skip


def compared() -> Comparison:
    def step(number: int, outcome: str = "success", name: str = "read_chart") -> StepLine:
        return StepLine(
            f"{name}/{number}", "tool", name, 20 + number * 2, "a", outcome,
            21 + number * 2, outcome, 1, 61_000, 1_250_000,
        )  # fmt: skip

    pairs = [Pair(step(n), step(n), None) for n in range(5)]
    pairs += [
        Pair(step(5, "permanent_error"), step(5), "answered"),
        Pair(step(6), step(6, name="ask_pilot"), "asked"),
        Pair(step(7, name="pay"), None, "only_a"),
        Pair(None, step(8, name="report"), "only_b"),
    ]
    return Comparison(
        a=totals(NAME, "running", 366_000, HEAD),
        b=totals(FORK, "succeeded", 305_000, 48),
        shared_seq=30,
        pairs=tuple(pairs),
        first=Divergence(
            "read_chart/5", "answered", 31, 31,
            "permanent_error: no such chart", 'success: {"lines": 85}',
        ),
        more=False,
    )  # fmt: skip


def scrubbed() -> FrozenSource:
    """Return the run at sea with a fork of it, notes, files, and a plan for any fork."""
    source = at_sea()
    fork = row(
        FORK,
        "done",
        objective="chart the seven seas, without the reef",
        status="succeeded",
        head_seq=48,
    )._replace(fork_of=NAME, fork_seq=30, agent=NAME)
    glimpse = source.shown
    source.change(
        Glimpse(
            rows=(*glimpse.rows, fork),
            position=glimpse.position,
            link=glimpse.link,
            loaded=True,
        )
    )
    past = source.past
    past.marks = [
        bookmark(NAME, 12, "the provider was busy here"),
        bookmark(NAME, 27, "why this chart? [red]ask ben[/x]"),
    ]
    past.files = (
        FileSeen("course.md", 14, len(OLD), OLD),
        FileSeen("charts/reef.png", 20, 48_211, None, "48,211 bytes, no text"),
        FileSeen("notes.txt", 30, 0, None, "gone"),
    )
    past.changed = (
        FileDiff("course.md", 35, len(OLD), len(NEW), diff_of(OLD, NEW)),
        FileDiff("charts/reef.png", 20, None, 48_211, None),
    )
    past.plans = {seq: plan(seq) for seq in range(1, HEAD + 1)}
    past.compared = compared()
    return source
