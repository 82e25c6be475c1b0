"""Rules of the inbox and of a run's past, broken on purpose: the tests that play the accident fail.

A rule often has a second one behind it: what is broken is what the test beside it is for.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import pytest

from quarterdeck.dialogs.deciding import DecidingDialog
from quarterdeck.messages import EventPicked
from quarterdeck.screens.item import ItemScreen
from quarterdeck.screens.steering import Steering, Target
from quarterdeck.views import arming, matter_text, permission
from quarterdeck.views.arming import Armed
from quarterdeck.views.hands import QUIET_S, Hands
from quarterdeck.views.matter import Matter
from quarterdeck.views.reading import Reading
from quarterdeck.widgets.deck import Deck
from quarterdeck.widgets.event_log import EventBrowser, EventLog
from quarterdeck.widgets.id_list import IdList
from quarterdeck.widgets.matter_pane import MatterPane
from quarterdeck.widgets.state_panel import StatePanel
from tests.app import test_inbox_screen as inbox
from tests.app import test_item_accidents as accidents
from tests.app import test_item_decisions as decisions
from tests.app import test_item_reading as reading
from tests.app import test_readonly as readonly
from tests.app import test_run_screen as run_screen
from tests.app import test_steering as steering
from tests.app import test_wheel as wheel

Broken = Iterable[tuple[object, str, object]]
Check = Callable[[], Awaitable[None]]


def _without_first_paint(self: Hands, _shown_s: float | None) -> bool:
    return self._last_s - max(self._disturbed_s, self._before_s) >= QUIET_S - 1e-6


def _without_key_before(self: Hands, shown_s: float | None) -> bool:
    return shown_s is not None and self._last_s - max(shown_s, self._disturbed_s) >= QUIET_S - 1e-6


def _shown_from_the_top(self: Reading, _begin: int, end: int) -> None:
    """Whoever scrolls somewhere has read all that is above."""
    self._spans = [(0, end)]


def _begin_on_the_deed(self: DecidingDialog) -> None:
    self.query_one("Choices Button.-decides").focus()
    self._painted()


def _follow_always(self: EventBrowser, seq: int, *, live: bool) -> None:
    self.cursor_seq, self.live = seq, True
    self.post_message(EventPicked(seq, live))


def _move_down(self: IdList[str, object], _event: object) -> None:
    self.action_move(1)


def _move_up(self: EventBrowser, _event: object) -> None:
    self.action_move(-1)


def _nothing(*_: object) -> None:
    return None


def _yes(*_: object) -> bool:
    return True


def _no(*_: object) -> bool:
    return False


INBOX: dict[str, tuple[Broken, Check]] = {
    "half a second after the first paint": (
        [(Hands, "meant", _without_first_paint)],
        accidents.test_changed_content_counts_from_its_own_first_paint,
    ),
    "half a second after the key before": (
        [(Hands, "meant", _without_key_before)],
        accidents.test_text_that_is_pasted_without_brackets_decides_nothing,
    ),
    "buttons count the key before, too": (
        [(Hands, "meant", _without_key_before)],
        accidents.test_a_reason_pasted_with_line_ends_and_tabs_rejects_nothing,
    ),
    "a paste in brackets is a touch": (
        [(Armed, "lets_go", _no), (Armed, "fires", _yes), (Hands, "meant", _yes)],
        accidents.test_text_that_is_pasted_with_brackets_decides_nothing_and_disturbs,
    ),
    "a resize starts over": (
        [(Hands, "disturb", _nothing)],
        accidents.test_a_resize_starts_over,
    ),
    "the focus' return starts over": (
        [(Hands, "disturb", _nothing)],
        accidents.test_coming_back_to_the_terminal_starts_over,
    ),
    "u asks first unless armed": (
        [(ItemScreen, "_armed_for_this", _yes)],
        decisions.test_u_alone_asks_first,
    ),
    "any other key lets go": (
        [(Armed, "lets_go", _no), (Armed, "fires", _yes)],
        accidents.test_any_other_key_between_arming_and_enter_lets_go,
    ),
    "what is forgotten lets go": (
        [(arming, "ARMED_S", 1e9)],
        accidents.test_what_was_armed_and_forgotten_lets_go,
    ),
    "an approval is bound to what was looked at": (
        [(Matter, "digest", None)],
        accidents.test_a_then_enter_approves_once_what_was_looked_at,
    ),
    "approving needs reading": (
        [(permission, "_unread", _nothing)],
        reading.test_a_text_longer_than_the_screen_is_locked_until_its_lines_were_shown,
    ),
    "the end is not all": (
        [(Reading, "show", _shown_from_the_top)],
        reading.test_jumping_to_the_end_shows_no_more_than_the_end,
    ),
    "another digest is unread": (
        [(Matter, "content", lambda self, _text: self.item_id)],
        reading.test_another_digest_is_another_text_to_read,
    ),
    "what a dialog covers was not shown": (
        [(MatterPane, "_seen", _yes)],
        accidents.test_a_dialog_over_changed_content_does_not_count_as_having_read_it,
    ),
    "dialogs begin on their field": (
        [(DecidingDialog, "on_mount", _begin_on_the_deed)],
        decisions.test_reject_needs_a_reason,
    ),
    "what was settled elsewhere is inert": (
        [(matter_text, "inert_line", _nothing)],
        accidents.test_answered_at_another_terminal_it_turns_inert_where_it_stands,
    ),
    "an open dialog turns inert": (
        [(DecidingDialog, "turn_inert", _nothing)],
        accidents.test_what_a_form_is_about_changes_while_it_is_filled_in,
    ),
    "what a notice lies upon was not shown": (
        [(MatterPane, "_under_a_notice", _no)],
        reading.test_what_a_notice_lies_upon_was_not_shown,
    ),
    "what is settled is not come back to": (
        [(ItemScreen, "over", False)],
        inbox.test_an_item_that_is_settled_is_not_what_its_tab_comes_back_to,
    ),
    "--readonly takes no decision": (
        [(Deck, "withheld", _nothing)],
        accidents.test_readonly_shows_decisions_struck_out_and_takes_none,
    ),
    "--readonly steers nothing": (
        [(Deck, "withheld", _nothing)],
        readonly.test_readonly_asks_nothing_of_the_kernel_on_any_screen,
    ),
    "the wheel moves no cursor of a list": (
        [(IdList, "_on_mouse_scroll_down", _move_down)],
        wheel.test_in_the_fleet_the_cursor_stays_with_its_run,
    ),
    "nothing is heard where nothing is seen": (
        [(Deck, "too_small", False)],
        accidents.test_at_a_small_terminal_no_key_decides,
    ),
}

RUN: dict[str, tuple[Broken, Check]] = {
    "the wheel moves no position": (
        [(EventBrowser, "_on_mouse_scroll_up", _move_up)],
        partial(
            wheel.test_in_a_run_the_position_stays_and_what_comes_does_not_take_the_view_back,
            live=True,
        ),
    ),
    "what comes does not take the view back": (
        [(EventLog, "on_mouse_scroll_up", _nothing)],
        partial(
            wheel.test_in_a_run_the_position_stays_and_what_comes_does_not_take_the_view_back,
            live=True,
        ),
    ),
    "in the past only the brakes act": (
        [(Steering, "withheld", _nothing)],
        steering.test_in_the_past_only_the_brakes_act_and_say_where,
    ),
    "a brake says where it acts": (
        [(Target, "where", lambda _self: "Acts now.")],
        steering.test_in_the_past_only_the_brakes_act_and_say_where,
    ),
    "the past stands still": (
        [(EventBrowser, "_pick", _follow_always)],
        run_screen.test_a_run_that_grows_is_followed_at_its_head_and_stands_still_in_the_past,
    ),
    "every panel is of the moment": (
        [(StatePanel, "show_rows", _nothing)],
        run_screen.test_elsewhere_than_at_the_head_it_is_past_and_every_panel_is_of_that_moment,
    ),
}

MUTANTS = {**INBOX, **RUN}


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_broken_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    broken, check = MUTANTS[name]
    for place, what, mutant in broken:
        monkeypatch.setattr(place, what, mutant)
    with pytest.raises(AssertionError):
        await check()
