"""What is left of a run when it is over, and what must hold of it whatever died on the way."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from quarterdeck_kernel import EventStore, state_at
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.agent_events import ChildFinished
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelFailed
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.events.run_events import RunSucceeded
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.workflow_events import (
    SignalReceived,
    TimerFired,
    WorkflowStepCompleted,
    WorkflowStepRequested,
)
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.account import Account
from quarterdeck_kernel.vocabulary.words import Effect
from tests.crash.scenarios.world import Happened


@dataclass
class Findings:
    """A finished run: what is the same however it came about, and what tells how it did."""

    run_id: str
    agent: str
    status: str
    answer: Any = None
    cost: tuple[int, int, int] = (0, 0, 0)
    messages: list[str] = field(default_factory=list)
    ends: dict[str, Any] = field(default_factory=dict)
    left_open: list[str] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    tries: list[tuple[str, int]] = field(default_factory=list)
    once: set[str] = field(default_factory=set)
    paid: dict[int, bool] = field(default_factory=dict)
    stories: dict[str, list[str]] = field(default_factory=dict)
    doubts: int = 0
    lost_answers: int = 0
    unknown_costs: int = 0
    used_micros: int = 0
    account: Account | None = None

    @classmethod
    async def of(cls, store: EventStore, run_id: str) -> "Findings":
        """Gather what is to be known of a run."""
        state = await state_at(store, run_id)
        spend = state.spend
        rows = await store.projections(run_id)
        found = cls(
            run_id,
            state.identity.agent,
            state.status,
            cost=(spend.cost_micros, spend.input_tokens, spend.output_tokens),
            unknown_costs=spend.unknown_costs,
            used_micros=spend.used("micros"),
            account=await store.account(f"agent:{state.identity.agent}/total/micros"),
            messages=[row.digest for row in rows.context],
            left_open=_left_open(state),
        )
        steps: dict[int | str, str] = {}
        after = 0
        while records := await store.read(run_id, after=after):
            after = records[-1].seq
            for record in records:
                found.hashes.append(record.hash)
                found._take(await opened(store, record), steps)
        return found

    def _take(self, event: Event, steps: dict[int | str, str]) -> None:
        match event.payload:
            case ToolRequested() as asked:
                self.paid[event.seq] = asked.estimate_micros is not None
                steps[event.seq] = asked.step_key
                self.tries.append((asked.step_key, asked.attempt))
                self._tried(asked.step_key, asked.effect)
            case ToolCompleted() as ended:
                key = steps[ended.intent_seq]
                self.stories[key].append(ended.outcome)
                self._ends(key, ended.outcome, ended.result)
                self.doubts += ended.outcome == "unknown_outcome"
                broken_off = ended.outcome == "transient_error" and ended.cause != "declared"
                self.lost_answers += self.paid[ended.intent_seq] and broken_off
            case ToolReconciled() as settled:
                key = steps[settled.intent_seq]
                self.stories[key].append(f"decided {settled.verdict}")
                if settled.verdict != "retry":
                    self._ends(key, _SETTLED[settled.verdict], settled.result)
            case WorkflowStepRequested() as step:
                steps[event.seq] = step.step_key
                self.tries.append((step.step_key, 1))
                self._tried(step.step_key, step.effect)
            case WorkflowStepCompleted() as ended:
                key = steps[ended.intent_seq]
                self.stories[key].append(ended.outcome)
                self._ends(key, ended.outcome, ended.result)
                self.doubts += ended.outcome == "unknown_outcome"
            case ModelCompleted() as said:
                self.ends[said.step_key] = said.message and said.message.model_dump()
            case ModelFailed(cost_micros=None, asked=True):
                self.lost_answers += 1
            case ChildFinished(spent_unknown=True):
                # What a child does not know the cost of, its parent does not know either.
                self.lost_answers += 1
            case PauseRequested() as pause:
                steps[pause.pause_id] = pause.step_key
                assert f"pause of {pause.step_key}" not in self.ends, (
                    f"{pause.step_key!r} was answered, and asked again as event #{event.seq}"
                )
            case PauseResolved() as said:
                key = f"pause of {steps[said.pause_id]}"
                assert key not in self.ends, f"{key} was answered twice"
                self.ends[key] = (said.decision, said.answer)
            case TimerFired() as timer:
                self.ends[timer.timer_id] = "fired"
            case SignalReceived() as signal:
                self.ends[f"signal {signal.name} {signal.key}"] = signal.data
            case RunSucceeded() as end:
                self.answer = end.answer
            case _:
                pass

    def _tried(self, key: str, effect: Effect) -> None:
        self.stories.setdefault(key, []).append("tried")
        if effect == "once":
            self.once.add(key)

    def _ends(self, key: str, outcome: str, result: Any) -> None:  # noqa: ANN401 - JSON
        if outcome not in {"unknown_outcome", "not_dispatched"}:
            # A result that a person gives is text; what they mean is what the text says.
            self.ends[key] = (outcome, _read(result))

    def same_end(self) -> dict[str, Any]:
        """Return all that must not depend on what died on the way."""
        return {
            "agent": self.agent,
            "status": self.status,
            "answer": self.answer,
            "cost": self.cost,
            "messages": self.messages,
            "ends": self.ends,
        }


_SETTLED = {"done": "success", "failed": "permanent_error"}


def _read(result: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(result, str) and result.startswith("{"):
        return json.loads(result)
    return result


def _left_open(state: RunState) -> list[str]:
    return [
        name
        for name in (
            "pauses",
            "unknowns",
            "holds",
            "tool_intents",
            "model_intents",
            "workflow_intents",
            "timers",
        )
        if getattr(state, name)
    ]


def check(
    found: Sequence[Findings],
    sound: dict[str, Findings],
    happened: Iterable[Happened],
    *,
    may_lack_effects: bool,
) -> None:
    """Raise what does not hold of finished runs, compared with those that nobody killed."""
    effects = list(happened)
    by_run: dict[str, list[Happened]] = defaultdict(list)
    for effect in effects:
        by_run[effect.run_id].append(effect)
    for run in found:
        done = by_run.pop(run.run_id, [])
        assert not run.left_open, f"{run.run_id} ended with open {run.left_open}"
        _check_effects(run, done)
        # A request to cancel may come before a call is made: then it never is.
        broken = run.doubts > 0 or any("not_dispatched" in each for each in run.stories.values())
        _check_same(run, sound[run.agent], may_lack=may_lack_effects and broken)
        assert run.unknown_costs == run.lost_answers, "a lost answer has a cost nobody knows"
    _check_accounts(found)
    assert not by_run, f"effects of runs that are not there: {by_run}"


def _check_accounts(found: Sequence[Findings]) -> None:
    """Assert that accounts hold what their runs used, and nothing is set aside for ever."""
    for agent in {run.agent for run in found}:
        runs = [run for run in found if run.agent == agent]
        account = runs[0].account
        if account is None or account.limit is None:
            continue
        used = sum(run.used_micros for run in runs)
        kept = (account.spent, account.reserved)
        assert kept == (used, 0), f"the account of {agent} says {kept}, and {used} were used"


def _check_same(run: Findings, sound: Findings, *, may_lack: bool) -> None:
    ours, theirs = run.same_end(), sound.same_end()
    if may_lack:
        ours["ends"] = {k: v for k, v in ours["ends"].items() if theirs["ends"].get(k) == v}
        theirs["ends"] = {k: v for k, v in theirs["ends"].items() if k in ours["ends"]}
    for name, value in theirs.items():
        assert ours[name] == value, f"{run.run_id}: {name} is {ours[name]!r}, not {value!r}"
    if not may_lack:
        assert run.once == sound.once, f"{run.run_id}: {run.once} {sound.once}"


def _check_effects(run: Findings, done: Sequence[Happened]) -> None:
    for effect in done:
        assert effect.intended, f"done before its intent was on disk: {effect}"
        assert (effect.step_key, effect.attempt) in run.tries, f"done without an intent: {effect}"
    times = Counter(effect.key for effect in done if effect.effect == "once")
    for key, count in times.items():
        assert count == 1, f"{key} happened {count} times: {[e for e in done if e.key == key]}"
    tries = Counter((effect.key, effect.attempt) for effect in done if effect.effect != "read")
    twice = [one for one, count in tries.items() if count > 1 and "/step:" not in one[0]]
    assert not twice, f"one intent was dispatched twice: {twice}"
    said = {key for key, end in run.ends.items() if isinstance(end, tuple) and end[0] == "success"}
    did = {effect.step_key for effect in done}
    for key in said & run.once:
        assert key in did or not _acts(run, key), f"{key} is on record as done, and never was"
    for key, story in run.stories.items():
        _check_story(key, story)


def _acts(run: Findings, key: str) -> bool:
    # A tool that only starts a child does nothing itself.
    return not (run.agent == "subrun" and key in run.ends and run.ends[key][1] == "a hole")


def _check_story(key: str, story: list[str]) -> None:
    """Assert that every further try was allowed by what stands right before it."""
    for before, now in pairwise(story):
        if now == "tried":
            allowed = {"transient_error", "not_dispatched", "decided retry"}
            assert before in allowed, f"{key} was tried again after {before!r}: {story}"
