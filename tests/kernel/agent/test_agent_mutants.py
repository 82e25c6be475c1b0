"""Agents with one part broken: each is caught by a test of the whole."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from quarterdeck_kernel import AgentSpec
from quarterdeck_kernel.agent import acting, agent, children, loop, phases, thinking
from quarterdeck_kernel.agent.conversation import Conversation
from quarterdeck_kernel.agent.memory import CoreMemory
from quarterdeck_kernel.agent.questions import Questions
from quarterdeck_kernel.agent.thinking import Asking, Thinking
from quarterdeck_kernel.events.run_events import RunSucceeded
from quarterdeck_kernel.events.turn_events import PhaseEntered
from quarterdeck_kernel.vocabulary.actor import AGENT
from tests.kernel.agent import (
    test_children,
    test_household,
    test_loop,
    test_questions,
    test_steering,
    test_stops,
)

Break = Callable[[pytest.MonkeyPatch], None]
Whole = Callable[[Path], Awaitable[None]]


def rights_flow_down_whole(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AgentSpec, "narrowed", lambda self, _allowed: self)


def a_child_is_made_anew(patch: pytest.MonkeyPatch) -> None:
    ids = iter(range(1_000))
    patch.setattr(children, "child_run_id", lambda _parent, _key: f"child-{next(ids)}")


def the_first_child_takes_it_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(children.Children, "_among", lambda *_: 1)


def a_cancelled_parent_leaves_its_children(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object, **__: object) -> None:
        pass

    patch.setattr(loop, "end_left", nothing)


def an_end_ignores_what_was_said(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(loop.AgentLoop, "_succeeded", _ends_at_once)


async def _ends_at_once(self: loop.AgentLoop, end: acting.Finished) -> bool:
    succeeded = RunSucceeded(answer=end.answer)
    await self._driver.end(lambda _state: succeeded, actor=AGENT)
    return True


def what_was_said_is_said_at_every_turn(patch: pytest.MonkeyPatch) -> None:
    async def hear(self: Conversation) -> None:
        await whole(self)
        self.messages += [m for m in self.messages if m.text == "mind the rocks"]

    whole = Conversation.hear
    patch.setattr(Conversation, "hear", hear)


def an_open_request_is_made_anew(patch: pytest.MonkeyPatch) -> None:
    async def newest(driver: object, turn: int) -> Asking:
        asking = await whole(driver, turn)  # type: ignore[arg-type]
        return asking._replace(stands="again") if asking.stands == "open" else asking

    whole = thinking.newest_asking
    patch.setattr(thinking, "newest_asking", newest)


def phases_are_entered_again(patch: pytest.MonkeyPatch) -> None:
    def after(entered: PhaseEntered, turn: int, phase: str | None) -> bool:
        return (entered.turn, entered.phase) != (turn, phase) and entered.turn >= turn

    patch.setattr(phases, "_after", after)


def scopes_hide_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agent, "visible", lambda names, _conditions: frozenset(names))


def any_tool_may_be_called(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acting.Acting, "_problem", lambda *_: None)


def questions_are_not_counted_over_processes(patch: pytest.MonkeyPatch) -> None:
    async def load(self: Questions) -> None:
        del self

    patch.setattr(Questions, "load", load)


def memory_is_not_read_back(patch: pytest.MonkeyPatch) -> None:
    async def load(self: CoreMemory) -> None:
        del self

    patch.setattr(CoreMemory, "load", load)


def nobody_is_nudged_for_long(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acting, "_NUDGES", 100)


def a_lost_model_fails_the_run(patch: pytest.MonkeyPatch) -> None:
    async def hold(self: Thinking, reason: str) -> None:
        del self
        raise thinking.CannotGoOnError("model_failed", reason)

    patch.setattr(Thinking, "_hold", hold)


NUDGED = test_loop.test_a_model_that_only_speaks_fails_its_run_after_a_few_nudges


def plain(test: Callable[[], Awaitable[None]]) -> Whole:
    async def whole(_: Path) -> None:
        await test()

    return whole


CAUGHT: list[tuple[Break, Whole]] = [
    (
        rights_flow_down_whole,
        plain(test_children.test_a_child_sees_no_tool_that_its_parent_may_not_use),
    ),
    (
        a_child_is_made_anew,
        test_children.test_a_process_that_stops_while_its_child_works_goes_on_with_both,
    ),
    (
        the_first_child_takes_it_all,
        plain(test_children.test_children_that_are_called_at_once_share_what_their_parent_has_left),
    ),
    (
        a_cancelled_parent_leaves_its_children,
        lambda folder: (
            test_children.test_a_parent_that_ends_while_nobody_drives_it_ends_its_waiting_child(
                folder, None, "cancelled"
            )
        ),
    ),
    (
        an_end_ignores_what_was_said,
        plain(test_steering.test_what_is_said_while_the_agent_finishes_is_not_lost),
    ),
    (
        what_was_said_is_said_at_every_turn,
        plain(test_steering.test_what_is_said_is_heard_once_at_the_next_boundary),
    ),
    (an_open_request_is_made_anew, test_stops.test_an_open_request_is_asked_again_as_it_stands),
    (
        phases_are_entered_again,
        plain(test_stops.test_an_approval_stops_the_loop_and_its_answer_lets_it_go_on),
    ),
    (
        scopes_hide_nothing,
        plain(test_steering.test_a_scope_is_staged_and_applies_from_the_next_request_on),
    ),
    (
        any_tool_may_be_called,
        plain(test_loop.test_what_goes_wrong_with_a_call_is_told_to_the_model),
    ),
    (
        questions_are_not_counted_over_processes,
        test_questions.test_the_cap_survives_another_process,
    ),
    (
        memory_is_not_read_back,
        plain(test_household.test_memory_is_read_back_when_a_run_is_taken_up),
    ),
    (nobody_is_nudged_for_long, plain(partial(NUDGED, "hm"))),
    (
        a_lost_model_fails_the_run,
        plain(test_stops.test_a_model_that_cannot_be_reached_holds_the_run_and_loses_nothing),
    ),
]


@pytest.mark.parametrize(("breaks", "whole"), CAUGHT, ids=[b.__name__ for b, _ in CAUGHT])
async def test_a_broken_agent_is_noticed(
    breaks: Break, whole: Whole, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    breaks(monkeypatch)
    noticed = False
    try:
        await whole(tmp_path)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however it is noticed
        noticed = True
    assert noticed, f"no test notices that {breaks.__name__}"
