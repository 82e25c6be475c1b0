"""Asks where to go in a log. It opens at once; a second `g` is the first event."""

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

    def on_input_changed(self) -> None:
        """Take a second press of the key as the first event."""
        if self.values()["to"] == FIRST:
            self.answer({"to": FIRST})
