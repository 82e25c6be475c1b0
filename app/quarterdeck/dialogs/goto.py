"""Asks where to go in a log. It opens at once; a second `g` is the first event."""

from textual import events
from textual.widgets import Input

from quarterdeck.dialogs.text import Field, TextDialog
from quarterdeck.views.goto import HINT, Here, read_goal

FIRST = "g"


class GotoDialog(TextDialog):
    """Its result has what was typed as `to`."""

    def __init__(self, here: Here) -> None:
        """Ask from where one stands."""
        wrong = f"that leads nowhere; type {HINT}"
        super().__init__(
            "Go to",
            (
                Field(
                    "to", f"#1 to #{here.head_seq:,}, a share, a time, or g for the first", "", HINT
                ),
            ),
            decide="Go",
            has_effect=False,
            problem=lambda said: None if read_goal(said["to"], here) is not None else wrong,
        )

    def on_key(self, event: events.Key) -> None:
        """Take what is typed on before the field has the focus: the key and `40%` are one move."""
        field = self.query_one(Input)
        if not field.has_focus and event.is_printable and event.character is not None:
            event.stop()
            field.insert_text_at_cursor(event.character)
        elif not field.has_focus and event.key == "enter":
            event.stop()
            field.focus()
            field.post_message(Input.Submitted(field, field.value))

    def on_input_changed(self) -> None:
        """Take a second press of the key as the first event."""
        if self.values()["to"] == FIRST:
            self.answer({"to": FIRST})
