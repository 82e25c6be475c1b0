"""A dialog with fields. Enter in the last field submits only a form that has no effect."""

from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from quarterdeck.dialogs.base import Body, Choice, Choices, Dialog
from quarterdeck.views.plain import plain
from quarterdeck.widgets.text_line import TextLine

Values = dict[str, str]

_FIELD_LINES = 3
_MANY_FIELDS = 4
"""From so many on each is a line, so that all is seen on a small screen."""


class Field(NamedTuple):
    """One field of a form."""

    name: str
    label: str
    value: str = ""
    hint: str = ""


def no_problem(_values: Mapping[str, str]) -> str | None:
    """Find everything right."""
    return None


class TextDialog(Dialog[Values]):
    """Asks for texts; its result is what was typed, or None."""

    AUTO_FOCUS: ClassVar[str] = "Input"

    def __init__(
        self,
        title: str,
        fields: tuple[Field, ...],
        *,
        decide: str,
        text: str = "",
        has_effect: bool = True,
        problem: Callable[[Mapping[str, str]], str | None] = no_problem,
    ) -> None:
        """Ask. `problem` says in a sentence what is still wrong with what was typed."""
        super().__init__(title)
        self._fields = fields
        self._decide = decide
        self._text = text
        self._has_effect = has_effect
        self._problem = problem

    def compose_dialog(self) -> list[Widget]:
        """Return text, fields, what is wrong, and buttons."""
        widgets: list[Widget] = [Body(self._text)] if self._text else []
        for field in self._fields:
            typed = TextLine(
                field.value, placeholder=plain(field.hint), name=field.name, compact=True
            )
            typed.cursor_blink = False
            label = Static(plain(field.label), classes="label", markup=False)
            widgets += (
                [Horizontal(label, typed, classes="field")] if self._tight else [label, typed]
            )
        choices = Choices((Choice("no", "Cancel"), Choice("yes", self._decide)))
        return [*widgets, Static("", id="problem", markup=False), choices]

    @property
    def _tight(self) -> bool:
        return len(self._fields) >= _MANY_FIELDS

    @property
    def lines_round_body(self) -> int:
        """Return how many lines everything but the body takes."""
        lines = 1 if self._tight else _FIELD_LINES
        return super().lines_round_body + 1 + lines * len(self._fields)

    def values(self) -> Values:
        """Return what was typed."""
        return {field.name or "": field.value for field in self.query(Input)}

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; in the last submit, unless that would change something."""
        event.stop()
        last = event.input is list(self.query(Input))[-1]
        if last and not self._has_effect:
            self._submit()
        elif last:
            self.say(f"Tab to “{self._decide}”: Enter here changes nothing")
        else:
            self.focus_next(Input)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Submit, or take back."""
        if event.button.name == "yes":
            self._submit()
        else:
            self.answer(None)

    def wrong(self) -> str | None:
        """Return what keeps it from being submitted as it is."""
        return self._problem(self.values())

    def _submit(self) -> None:
        problem = self.wrong()
        if problem is None:
            self.answer(self.values())
        else:
            self.say(problem)

    def say(self, text: str) -> None:
        """Say something above the buttons."""
        self.query_one("#problem", Static).update(plain(text))
