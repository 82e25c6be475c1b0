"""Rules of the inbox and of a run's past, broken on purpose: the tests that play the accident fail.

A rule often has a second one behind it: what is broken is what the test beside it is for.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from quarterdeck.dialogs.deciding import DecidingDialog
from quarterdeck.dialogs.planning import PlanDialog
from quarterdeck.dialogs.text import TextDialog
from quarterdeck.messages import EventPicked
from quarterdeck.screens import steering as steering_screen
from quarterdeck.screens.item import ItemScreen
from quarterdeck.screens.keeping import Keeping
from quarterdeck.screens.run import RunScreen
from quarterdeck.screens.scrubbing import Scrubbing
from quarterdeck.screens.seeking import Seeking
from quarterdeck.screens.steering import Steering, Target
from quarterdeck.views import arming, matter_text, moment, permission, timeline
from quarterdeck.views.arming import Armed
from quarterdeck.views.hands import QUIET_S, Hands
from quarterdeck.views.lens import Lens
from quarterdeck.views.matter import Matter
from quarterdeck.views.reading import Reading
from quarterdeck.views.timeline import NO_MARKS, Window
from quarterdeck.widgets import density_strip
from quarterdeck.widgets.deck import Deck
from quarterdeck.widgets.event_log import EventBrowser, EventLog
from quarterdeck.widgets.id_list import IdList
from quarterdeck.widgets.matter_pane import MatterPane
from quarterdeck.widgets.state_panel import StatePanel
from quarterdeck_kernel import ForkPlan
from tests.app import test_inbox_screen as inbox
from tests.app import test_item_accidents as accidents
from tests.app import test_item_decisions as decisions
from tests.app import test_item_reading as reading
from tests.app import test_readonly as readonly
from tests.app import test_run_screen as run_screen
from tests.app import test_scrub_deeds as deeds
from tests.app import test_scrub_keys as keys
from tests.app import test_scrub_views as views
from tests.app import test_scrubbing as scrubbing
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


async def _capped() -> None:
    views.test_it_plays_as_recorded_with_idle_gaps_capped()


def _at_once(_self: object, _dialog: object, then: Callable[[], None]) -> None:
    then()


async def _never(_self: object) -> None:
    """Read no plan."""


def _grows_only_live(self: EventBrowser, run_id: str, head_seq: int) -> None:
    _show_run(self, run_id, head_seq if self.live else self.head_seq)


_show_run = EventBrowser.show_run

PAST: dict[str, tuple[Broken, Check]] = {
    "the past has a banner": (
        [(moment, "banner", lambda *_, **__: "")],
        run_screen.test_elsewhere_than_at_the_head_it_is_past_and_every_panel_is_of_that_moment,
    ),
    "the brakes are on in the past": (
        [(steering_screen, "BRAKES", frozenset())],
        steering.test_in_the_past_only_the_brakes_act_and_say_where,
    ),
    "the line's cursor is the log's": (
        [(density_strip, "moved_to", lambda line, _position: line)],
        partial(keys.test_every_key_of_the_timeline_works_at_every_size, (80, 24)),
    ),
    "a click on the line moves the log": (
        [(RunScreen, "on_place_wanted", _nothing)],
        scrubbing.test_zoom_shows_less_round_the_position_and_a_click_goes_where_it_points,
    ),
    "runs grow while one looks at their past": (
        [(EventBrowser, "show_run", _grows_only_live)],
        scrubbing.test_the_strip_stands_still_in_the_past_and_says_what_came,
    ),
    "the line says what came": (
        [(Lens, "said", lambda *_, **__: "")],
        scrubbing.test_the_strip_stands_still_in_the_past_and_says_what_came,
    ),
    "the line stands still": (
        [(Lens, "look", lambda _self, head, _position, *, live: Window(1, head + live * 0))],
        scrubbing.test_the_strip_stands_still_in_the_past_and_says_what_came,
    ),
    "marks A and B": (
        [(Scrubbing, "marks", lambda _self: NO_MARKS)],
        scrubbing.test_marks_a_and_b_are_what_is_compared_else_the_event_before,
    ),
    "idle gaps are capped": ([(timeline, "_IDLE_US", 10**15)], _capped),
    "a cursor that is taken stops playing": (
        [(Scrubbing, "_stop", _nothing)],
        scrubbing.test_playing_stops_where_somebody_takes_the_cursor_and_begins_anew_at_the_head,
    ),
    "jumps are remembered": (
        [(Seeking, "jump", lambda self, seq: self.go_to(seq))],
        run_screen.test_jumps_can_be_gone_back_and_forward,
    ),
    "once asks first": (
        [(ForkPlan, "asks_first", ())],
        deeds.test_a_fork_shows_its_plan_and_opens_once_it_is_begun,
    ),
    "the plan is of the fork that is made": (
        [(PlanDialog, "_read", _never)],
        deeds.test_the_plan_is_always_that_of_the_fork_that_would_be_made,
    ),
    "what was not planned is not begun": (
        [(PlanDialog, "wrong", TextDialog.wrong)],
        deeds.test_a_fork_whose_plan_is_not_read_yet_or_was_refused_is_not_begun,
    ),
    "a bookmark is not removed at once": (
        [(Keeping, "_confirm", _at_once)],
        deeds.test_a_note_is_edited_and_a_bookmark_removed_by_key_from_the_list,
    ),
    "a file is not replaced at once": (
        [(Keeping, "_confirm", _at_once)],
        partial(deeds.test_a_file_is_restored_as_of_here_and_a_run_exported, Path()),
    ),
    "Esc leads back to the difference": (
        [(RunScreen, "open_run", lambda self, _run_id, seq: self.jump(seq))],
        scrubbing.test_enter_on_a_line_of_a_difference_opens_its_event_and_esc_leads_back_to_the_line,
    ),
}
QUICK = {"the past has a banner", "the brakes are on in the past", "idle gaps are capped"}
"""Of those about the past; the others are for the long suite."""

MUTANTS = {**INBOX, **RUN, **PAST}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.crash) if name in PAST.keys() - QUICK else name
        for name in MUTANTS
    ],
)
async def test_a_broken_rule_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    broken, check = MUTANTS[name]
    for place, what, mutant in broken:
        monkeypatch.setattr(place, what, mutant)
    with pytest.raises(AssertionError):
        await check()
