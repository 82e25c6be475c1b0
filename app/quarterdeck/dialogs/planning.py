"""A form above which stands what would come of what is typed, read anew as it changes.

Only that is done which the text is of: what was typed last and not planned yet waits.
"""

from collections.abc import Awaitable, Callable, Mapping

from textual import events
from textual.widgets import Input

from quarterdeck.dialogs.base import Body
from quarterdeck.dialogs.text import Field, TextDialog, Values
from quarterdeck.views.troubles import failure, sentence
from quarterdeck.widgets.deck import deck
from quarterdeck_kernel.errors import QuarterdeckError

Planned = Callable[[Values], Awaitable[str]]

_FURTHER_LINES = 2
"""The plan has room for so many more: what stands below does not move while one types."""


class PlanDialog(TextDialog):
    """Its result is what was typed, or None. It has an effect, so Enter never submits it."""

    def __init__(
        self,
        title: str,
        fields: tuple[Field, ...],
        *,
        decide: str,
        text: str,
        plan: Planned,
        problem: Callable[[Mapping[str, str]], str | None],
    ) -> None:
        """Ask. `text` is the plan of the fields as they are; `plan` reads that of others."""
        super().__init__(title, fields, decide=decide, text=text, problem=problem)
        self._plan = plan
        self._planned: Values | None = {field.name: field.value for field in fields}
        self._refused: str | None = None
        self._reading = False

    def on_resize(self, event: events.Resize) -> None:
        """Keep the plan as high as it was."""
        super().on_resize(event)
        self.query_one(Body).styles.height = self._text.count("\n") + 1 + _FURTHER_LINES

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is wrong, or read what would come of it now."""
        event.stop()
        if self.values() == self._planned:
            self.say(self.wrong() or "")
            return
        self.say(super().wrong() or "")
        if not self._reading:
            self._reading = True
            deck(self).beside(self._read, "reading a plan")

    def wrong(self) -> str | None:
        """Return what keeps it from being submitted: that its plan was not read, too."""
        if self.values() != self._planned:
            return super().wrong() or "its plan is being read; press it again once it shows"
        return super().wrong() or self._refused

    async def _read(self) -> None:
        """Read plans until there is one of what stands there now; one at a time."""
        try:
            while self.is_attached and (values := self.values()) != self._planned:
                if super().wrong() is not None:
                    return
                await self._read_one(values)
        finally:
            self._reading = False

    async def _read_one(self, values: Values) -> None:
        text, refused = None, None
        try:
            text = await self._plan(values)
        except QuarterdeckError as error:
            refused = sentence(error)
        except Exception as error:  # noqa: BLE001 - the notice records it, whatever it was
            refused = sentence(error)
            deck(self).trouble(failure("reading a plan", error))
        if not self.is_attached or values != self.values():
            return
        self._planned, self._refused = values, refused
        if text is not None:
            self.query_one(Body).say(text)
        self.say(refused or "")
