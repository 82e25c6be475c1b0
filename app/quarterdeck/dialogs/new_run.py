"""New run: six fields, what is to be known of the one that is typed in, and what is wrong.

It closes once the run is on record; whatever is refused leaves every text where it is.
"""

from functools import partial
from typing import ClassVar, cast

from textual import events
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from quarterdeck.dialogs.base import Choice, Choices, Dialog
from quarterdeck.views.glimpse import Source
from quarterdeck.views.new_run import (
    FIELDS,
    LOCAL,
    FieldName,
    Order,
    Started,
    beside,
    choices,
    explained,
    fault,
    missing_key,
    order_of,
)
from quarterdeck.views.plain import plain, plain_lines
from quarterdeck.views.troubles import sentence
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import LEAST_HEIGHT, deck
from quarterdeck.widgets.text_line import TextLine
from quarterdeck_kernel import QuarterdeckError

_HINTS: dict[FieldName, str] = {
    "objective": "what is to be done",
    "model": "the agent's own",
    "budget": "none",
    "deadline": "none",
}
_LOOK_S = 0.1
_START = "Start the run"


class ChoiceInput(TextLine):
    """A field: up and down lead to the others, left and right to what it may be chosen from."""

    def __init__(self, name: FieldName, value: str, source: Source) -> None:
        """Begin with a value."""
        super().__init__(value, placeholder=_HINTS.get(name, ""), name=name, compact=True)
        self.field: FieldName = name
        self.cursor_blink = False
        self._source = source

    def on_key(self, event: events.Key) -> None:
        """Go along the choices, or to another field."""
        if event.key in {"up", "down"}:
            if event.key == "up":
                self.screen.focus_previous()
            else:
                self.screen.focus_next()
        elif event.key in {"left", "right"}:
            step = 1 if event.key == "right" else -1
            chosen = beside(self.field, self.value, step, self._source.crew())
            if chosen is None:
                return
            self.value = chosen
            self.cursor_position = len(chosen)
        else:
            return
        event.stop()
        event.prevent_default()


class NewRunDialog(Dialog[Started]):
    """Its result is the run that was started, or None."""

    AUTO_FOCUS: ClassVar[str] = ""
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it from the class as it is
        (0, "-flat"), (LEAST_HEIGHT, "-readable"), (22, "-high"), (32, "-higher")
    ]  # fmt: skip

    def __init__(self, source: Source, agent: str = "") -> None:
        """Begin with an agent that was looked at, else with the first there is."""
        super().__init__("New run")
        self._source = source
        self._agent = agent
        self._busy = False
        self._named_key: str | None = None

    def compose_dialog(self) -> list[Widget]:
        """Return fields, what is to be known of one, what is wrong, and buttons."""
        agents = choices("agent", self._source.crew())
        values = {"agent": self._agent or (agents[0] if agents else ""), "tenant": LOCAL}
        widgets: list[Widget] = [
            Horizontal(
                Static(name.capitalize(), classes="label", markup=False),
                ChoiceInput(name, values.get(name, ""), self._source),
                Static("", classes="choices-of", markup=False),
                classes="field -last" if name == FIELDS[-1] else "field",
            )
            for name in FIELDS
        ]
        return [
            *widgets,
            Static("", id="outcome", markup=False),
            Static("", id="key", markup=False),
            Static("", id="problem", markup=False),
            Choices((Choice("no", "Cancel"), Choice("yes", _START))),
        ]

    def on_mount(self) -> None:
        """Begin in the objective where an agent is named already, else with the agent."""
        first: FieldName = "objective" if self._field("agent").value else "agent"
        self._field(first).focus()
        if not self._source.crew().loaded:
            self._reading = self.set_interval(_LOOK_S, self._look)
        self._explain()

    def _look(self) -> None:
        """Fill in what was being read when the form opened, where nothing was typed since."""
        crew = self._source.crew()
        if not crew.loaded and crew.trouble is None:
            return
        self._reading.stop()
        agents = choices("agent", crew)
        if agents and not self._field("agent").value:
            self._field("agent").value = agents[0]
        self._explain()

    def _field(self, name: FieldName) -> ChoiceInput:
        return next(field for field in self.query(ChoiceInput) if field.field == name)

    def values(self) -> dict[str, str]:
        """Return what was typed."""
        return {field.field: field.value for field in self.query(ChoiceInput)}

    # -- what is to be known

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what comes of it; what was wrong before is gone."""
        event.stop()
        self._say("")
        self._explain()

    def on_descendant_focus(self) -> None:
        """Say what is to be known of another field."""
        self._explain()

    def _explain(self) -> None:
        crew, values = self._source.crew(), self.values()
        focused = self.focused
        for field in self.query(ChoiceInput):
            known = choices(field.field, crew)
            shown = f"←→ {len(known)} known" if field is focused and known else ""
            if field.parent is not None:
                field.parent.query_one(".choices-of", Static).update(shown)
        if isinstance(focused, ChoiceInput):
            self._show("#outcome", plain_lines(explained(focused.field, values, crew)))
        self._show("#key", missing_key(values, crew) or "")

    def _say(self, text: str) -> None:
        self._show("#problem", plain_lines(text))

    def _show(self, where: str, text: str) -> None:
        self.query_one(where, Static).update(text)

    # -- starting

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; Enter in the last starts nothing."""
        event.stop()
        if cast("ChoiceInput", event.input).field == FIELDS[-1]:
            self._say(f"Tab to “{_START}”: Enter here changes nothing")
        else:
            self.focus_next(ChoiceInput)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start the run, or take back."""
        event.stop()
        if event.button.name == "no":
            self.answer(None)
        elif not self._busy:
            self._submit()

    def _submit(self) -> None:
        crew, values = self._source.crew(), self.values()
        wrong = fault(values, crew)
        if wrong is not None:
            self._say(wrong.text)
            self._field(wrong.field).focus()
            return
        missing = missing_key(values, crew)
        if missing is not None and missing != self._named_key:
            # Named before the start; there are ways to reach a model that we do not know of.
            self._named_key = missing
            self._say(f"{plain(missing)}; press again to start all the same")
            return
        self._busy = True
        self._say("queueing…")
        deck(self).work("starting a run", partial(self._start, order_of(values)))

    async def _start(self, order: Order, _work: Work) -> None:
        try:
            started = await self._source.commands.start_run(order)
        except QuarterdeckError as error:
            if not self.is_current:
                raise
            self._say(sentence(error))
        except BaseException:
            if self.is_current:
                self._say("it is not known whether it was queued: the fleet shows it if it was")
            raise
        else:
            # Whoever closed it meanwhile finds the run in the fleet.
            if self.is_current:
                self.answer(started)
        finally:
            self._busy = False
