"""What every dialog keeps: nothing is decided by a key that was meant for what lies beneath.

The focus begins on the body or the first field, never on a button. The first button takes back,
and none is a default: Enter submits only what has no effect. Esc closes and changes nothing. The
text is text, never markup, and stays when the terminal is too small.
"""

from typing import ClassVar, Generic, NamedTuple, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Static

from quarterdeck.views.plain import plain, plain_lines
from quarterdeck.widgets.bars import SizeNotice
from quarterdeck.widgets.deck import LEAST_HEIGHT, LEAST_WIDTH, deck
from quarterdeck.widgets.keyed import Keyed, bindings

Result = TypeVar("Result")

_FRAME_LINES = 8


class Choice(NamedTuple):
    """A button: what it answers, and what it says."""

    answer: str
    label: str


class Body(Keyed, VerticalScroll, inherit_bindings=False):
    """The text of a dialog. It has the focus; below its end the arrows lead to the buttons."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list", without=("list.twice",))

    def __init__(self, text: str) -> None:
        """Show a text as it is, whoever wrote it."""
        super().__init__(Static(plain_lines(text), markup=False), id="body")

    def say(self, text: str) -> None:
        """Show another text, from its beginning."""
        self.query_one(Static).update(plain_lines(text))
        self.scroll_home(animate=False)

    def action_move(self, lines: int) -> None:
        """Scroll, and at the end go on."""
        if lines > 0 and self.scroll_offset.y >= self.max_scroll_y:
            self.screen.focus_next()
        else:
            self.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by what is seen at once."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)

    def action_first(self) -> None:
        """Go to the beginning."""
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        """Go to the end."""
        self.scroll_end(animate=False)


class Choices(Horizontal):
    """The buttons of a dialog; arrows go along them."""

    def __init__(self, choices: tuple[Choice, ...]) -> None:
        """Show buttons; the first of them takes back."""
        super().__init__(id="choices")
        self._choices = choices

    def compose(self) -> ComposeResult:
        """Make the buttons."""
        for number, choice in enumerate(self._choices):
            classes = "-back" if number == 0 else "-decides"
            yield Button(
                Content(plain(choice.label)), name=choice.answer, compact=True, classes=classes
            )

    def on_key(self, event: events.Key) -> None:
        """Go along the buttons, and up to what is above them."""
        if event.key in {"left", "up", "h", "k"}:
            self.screen.focus_previous()
        elif event.key in {"right", "down", "l", "j"}:
            self.screen.focus_next()
        else:
            return
        event.stop()


class Dialog(Keyed, ModalScreen[Result | None], Generic[Result], inherit_bindings=False):
    """A dialog; without an answer its result is None."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (LEAST_WIDTH, "-usable")]  # noqa: RUF012 - Textual reads it from the class as it is
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (LEAST_HEIGHT, "-readable")]  # noqa: RUF012 - as above
    AUTO_FOCUS: ClassVar[str] = "#body"

    def __init__(self, title: str) -> None:
        """Begin with a title."""
        super().__init__()
        self._title = plain_lines(title)

    def compose(self) -> ComposeResult:
        """Put a frame round what the dialog shows."""
        with Vertical(id="frame"):
            yield Static(self._title, id="dialog-title", markup=False)
            yield from self.compose_dialog()
        yield SizeNotice()

    def compose_dialog(self) -> list[Widget]:
        """Return what stands in the frame."""
        raise NotImplementedError

    def on_resize(self, event: events.Resize) -> None:
        """Leave the buttons in sight, however long the text is and however small the terminal."""
        for body in self.query(Body):
            body.styles.max_height = max(1, event.size.height - self.lines_round_body)

    @property
    def lines_round_body(self) -> int:
        """Return how many lines everything but the body takes: rule, title, buttons, and air."""
        return _FRAME_LINES + self._title.count("\n")

    def answer(self, result: Result | None) -> None:
        """Close it with a result."""
        # Not awaited: a screen that waited for its own end would wait for ever.
        _closed = self.dismiss(result)

    def action_close(self) -> None:
        """Close it; nothing changes."""
        self.answer(None)

    def action_interrupt(self) -> None:
        """Copy what is selected, else quit."""
        text = self.get_selected_text()
        if text:
            deck(self).copy(text, "the selection")
        else:
            self.app.call_later(self.app.run_action, "app.quit")


class AskDialog(Dialog[str]):
    """A question with a text and buttons; its result is the answer of the button."""

    def __init__(self, title: str, text: str, choices: tuple[Choice, ...]) -> None:
        """Ask; the first choice takes back and is the same as Esc."""
        super().__init__(title)
        self._text = text
        self._choices = choices

    def compose_dialog(self) -> list[Widget]:
        """Return the text and the buttons."""
        return [Body(self._text), Choices(self._choices)]

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        answer = event.button.name
        self.answer(None if answer == self._choices[0].answer else answer)


class ConfirmDialog(AskDialog):
    """Asks before something is done; its result is "yes", or None."""

    def __init__(self, title: str, text: str, *, decide: str, back: str = "Cancel") -> None:
        """Ask; `decide` says what will be done, never only yes."""
        super().__init__(title, text, (Choice("no", back), Choice("yes", decide)))


class QuitDialog(AskDialog):
    """Says what stops when the screen closes; its result is "drain", "leave", or None: stay."""

    def __init__(self, driven: int) -> None:
        """Ask about the runs that this process drives."""
        runs = "1 run is" if driven == 1 else f"{driven:,} runs are"
        text = (
            "Drain: effects in flight finish and are recorded, then the screen closes.\n"
            "Leave: the screen closes at once. Another worker takes them up where they stand; "
            "an effect in flight may become unknown.\n"
            "Stay: nothing changes."
        )
        choices = (
            Choice("stay", "Stay"),
            Choice("drain", "Drain"),
            Choice("leave", "Leave for another worker"),
        )
        super().__init__(f"{runs} driven here", text, choices)
