"""Dialogs that decide: their buttons hear only what was meant, and turn inert where they stand.

What decides is a button that is reached with Tab or arrows and pressed half a second after the key
or click before it: no paste, no held key and no second Enter gets there.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

from textual import events
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from quarterdeck.dialogs.base import Body, Choice, Choices, Dialog
from quarterdeck.dialogs.text import Field, Values, no_problem
from quarterdeck.views.plain import plain, plain_lines
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.pick_list import Line, PickList
from quarterdeck.widgets.text_line import TextLine

_FIELD_LINES = 3
_MOST_CHOICES = 8


class Decided(NamedTuple):
    """Which button, what was typed, and the number of what was chosen."""

    answer: str
    values: Values
    chosen: int


def nothing_to_say(_values: Mapping[str, str]) -> str:
    """Say nothing about what was typed."""
    return ""


class DecidingDialog(Dialog[Decided]):
    """A choice, fields, and buttons that decide; the first button takes back.

    `problem` says what is still wrong; `outcome` what would come of what is typed. `typed` keeps
    what was typed, also when it is closed.
    """

    AUTO_FOCUS: ClassVar[str] = ""

    def __init__(
        self,
        title: str,
        *,
        decides: tuple[Choice, ...],
        text: str = "",
        fields: tuple[Field, ...] = (),
        options: tuple[str, ...] = (),
        problem: Callable[[Mapping[str, str]], str | None] = no_problem,
        outcome: Callable[[Mapping[str, str]], str] = nothing_to_say,
        typed: Values | None = None,
    ) -> None:
        """Ask."""
        super().__init__(title)
        self._decides = decides
        self._text = text
        self._fields = fields
        self._options = options
        self._problem = problem
        self._outcome = outcome
        self.typed = typed if typed is not None else {}
        self.inert: str | None = None
        self._shown_s: float | None = None

    def compose_dialog(self) -> list[Widget]:
        """Return text, fields, what comes of them, and buttons."""
        widgets: list[Widget] = []
        if self._text or not (self._fields or self._options):
            widgets.append(Body(self._text))
        if self._options:
            options = PickList([Line(plain(option)) for option in self._options], id="options")
            options.styles.height = min(len(self._options), _MOST_CHOICES)
            widgets.append(options)
        for field in self._fields:
            value = self.typed.get(field.name, field.value)
            typed = TextLine(value, placeholder=plain(field.hint), name=field.name, compact=True)
            typed.cursor_blink = False
            widgets += [Static(plain(field.label), classes="label", markup=False), typed]
        widgets.append(Static("", id="outcome", markup=False))
        widgets.append(Static("", id="problem", markup=False))
        return [*widgets, Choices((Choice("no", "Back"), *self._decides))]

    @property
    def lines_round_body(self) -> int:
        """Return how many lines everything but the body takes."""
        options = min(len(self._options), _MOST_CHOICES)
        return super().lines_round_body + 2 + _FIELD_LINES * len(self._fields) + options

    def on_mount(self) -> None:
        """Begin on the options, or in the first field or the text; count from now."""
        first = [*self.query("#options"), *self.query(Input), *self.query("#body")]
        first[0].focus()
        self._show_outcome()
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self._shown_s = deck(self).monotonic_s()

    def on_screen_resume(self) -> None:
        """Count anew when something else lay above it."""
        self._painted()

    def values(self) -> Values:
        """Return what was typed."""
        return {field.name or "": field.value for field in self.query(Input)}

    def turn_inert(self, why: str) -> None:
        """Decide nothing any more; what was typed stays, and can be copied."""
        if self.inert is None:
            self.inert = why
            for button in self.query("Choices Button.-decides").results(Button):
                button.add_class("-inert")
        self._say(why)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed, and say what would come of it."""
        event.stop()
        self.typed.update(self.values())
        self._say(self.inert or "")
        self._show_outcome()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; Enter in the last changes nothing."""
        event.stop()
        if event.input is list(self.query(Input))[-1]:
            self._say(
                self.inert or f"Tab to “{self._decides[0].label}”: Enter here changes nothing"
            )
        else:
            self.focus_next(Input)

    def on_pick_list_chosen(self, event: PickList.Chosen) -> None:
        """A click chooses; it decides nothing."""
        event.stop()

    def action_submit(self) -> None:
        """Go from the options to the button."""
        self.query_one("Choices Button.-decides", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take back, or decide if that was meant."""
        event.stop()
        answer = event.button.name or "no"
        if answer == "no":
            self.answer(None)
            return
        problem = self.inert or self._too_soon() or self._problem(self.values())
        if problem is not None:
            self._say(problem)
            return
        options = self.query(PickList)
        chosen = options.first().cursor if options else -1
        self.answer(Decided(answer, self.values(), chosen))

    def _too_soon(self) -> str | None:
        if deck(self).hands.meant(self._shown_s):
            return None
        return "too soon after the key or click before; press it again in half a second"

    def _show_outcome(self) -> None:
        self.query_one("#outcome", Static).update(plain_lines(self._outcome(self.values())))

    def _say(self, text: str) -> None:
        self.query_one("#problem", Static).update(plain_lines(text))

    def on_paste(self, event: events.Paste) -> None:
        """Text is pasted into fields; elsewhere it is nothing."""
        event.stop()
