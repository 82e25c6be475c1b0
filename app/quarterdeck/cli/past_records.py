"""What the kernel says of a run's past, as the data that scripts are promised (`past_fields`)."""

from typing import TYPE_CHECKING, Any, cast

from quarterdeck.cli.past_fields import (
    BookmarkFields,
    ChangedFields,
    CompareFields,
    DifferenceFields,
    DivergenceFields,
    EffectFields,
    FileChangedFields,
    FileFields,
    ForkPlanFields,
    ForkTotalsFields,
    PairFields,
    RunTotalsFields,
    SaidFields,
    StateFields,
    StepFields,
)
from quarterdeck.cli.records import actor_fields
from quarterdeck_kernel import Moments, difference
from quarterdeck_kernel.engine.moments import file_content, messages_of
from quarterdeck_kernel.errors import NotFoundError
from quarterdeck_kernel.projections.panels import panels
from quarterdeck_kernel.tools.builtin.diff import diff_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quarterdeck_kernel import (
        Bookmark,
        Comparison,
        EventStore,
        ForkEffect,
        ForkPlan,
        Moment,
        StepLine,
    )
    from quarterdeck_kernel.projections.moment import FileAt, FileChanged, Line


def bookmark_fields(mark: "Bookmark") -> BookmarkFields:
    """Return a bookmark."""
    return BookmarkFields(
        bookmark_id=mark.bookmark_id,
        run_id=mark.run_id,
        seq=mark.seq,
        note=mark.note,
        by=actor_fields(mark.actor),
        at_us=mark.at_us,
    )


# -- forks


def plan_fields(plan: "ForkPlan") -> ForkPlanFields:
    """Return what a fork comes to."""
    return ForkPlanFields(
        seq=plan.seq,
        head_seq=plan.head_seq,
        changed=list(plan.changed),
        replayed=cast("ForkTotalsFields", plan.replayed._asdict()),
        behind=cast("ForkTotalsFields", plan.behind._asdict()),
        recorded=_effects(plan.recorded),
        again=_effects(plan.again),
        unknown=_effects(plan.unknown),
        pauses=list(plan.pauses),
        ahead=_effects(plan.ahead),
        barred=_effects(plan.barred),
        asks_first=_effects(plan.asks_first),
        more=plan.more,
        budget_micros=plan.budget_micros,
        left_micros=plan.left_micros,
    )


def _effects(effects: "Iterable[ForkEffect]") -> list[EffectFields]:
    return [cast("EffectFields", effect._asdict()) for effect in effects]


# -- comparing


def compare_fields(found: "Comparison") -> CompareFields:
    """Return two runs side by side."""
    first = found.first
    return CompareFields(
        a=cast("RunTotalsFields", found.a._asdict()),
        b=cast("RunTotalsFields", found.b._asdict()),
        shared_seq=found.shared_seq,
        first=None if first is None else cast("DivergenceFields", first._asdict()),
        pairs=[
            PairFields(key=pair.key, parting=pair.parting, a=_step(pair.a), b=_step(pair.b))
            for pair in found.pairs
        ],
        more=found.more,
    )


def _step(line: "StepLine | None") -> StepFields | None:
    if line is None:
        return None
    return cast("StepFields", {name: getattr(line, name) for name in StepFields.__annotations__})


# -- a moment


async def state_fields(
    store: "EventStore", run_id: str, seq: int, *, said: int, since: int | None
) -> StateFields:
    """Return a run behind an event, and what came since another."""
    moments = Moments(store)
    moment = await moments.moment(run_id, seq)
    lines = moment.lines
    before = await moments.moment(run_id, since) if since is not None else None
    return StateFields(
        run_id=run_id,
        seq=seq,
        head_seq=(await store.run(run_id)).head.seq,
        panels=cast("dict[str, Any]", panels(moment.state)),
        files=[file_fields(file) for file in moment.files.values()],
        messages=len(lines),
        said=await _said(store, run_id, lines[len(lines) - said :] if said else ()),
        difference=None if before is None else await _difference(store, run_id, before, moment),
    )


def file_fields(file: "FileAt") -> FileFields:
    """Return a file as it was."""
    return FileFields(
        path=file.path,
        seq=file.seq,
        sha256=file.sha256,
        size=file.size,
        kept=file.ref is not None,
    )


async def _said(store: "EventStore", run_id: str, lines: "Sequence[Line]") -> list[SaidFields]:
    messages = await messages_of(store, run_id, lines)
    return [
        SaidFields(
            seq=line.seq,
            role=message.role,
            text=message.text,
            tools=[call.tool for call in message.tool_calls],
        )
        for line, message in zip(lines, messages, strict=True)
    ]


async def _difference(
    store: "EventStore", run_id: str, before: "Moment", after: "Moment"
) -> DifferenceFields:
    between = difference(before, after)
    return DifferenceFields(
        seq=before.seq,
        values=[cast("ChangedFields", change._asdict()) for change in between.values],
        common=between.common,
        gone=await _said(store, run_id, between.gone),
        said=await _said(store, run_id, between.said),
        files=[await _file_changed(store, file) for file in between.files],
    )


async def _file_changed(store: "EventStore", file: "FileChanged") -> FileChangedFields:
    return FileChangedFields(
        path=file.path,
        before=None if file.before is None else file_fields(file.before),
        after=None if file.after is None else file_fields(file.after),
        diff=await _diff(store, file),
    )


async def _diff(store: "EventStore", file: "FileChanged") -> str | None:
    """Return the diff of a text; None where it is none, or was not kept."""
    try:
        contents = [
            None if side is None else await file_content(store, side)
            for side in (file.before, file.after)
        ]
        texts = [None if content is None else content.decode() for content in contents]
    except (NotFoundError, UnicodeDecodeError):
        return None
    return diff_of(texts[0], texts[1])
