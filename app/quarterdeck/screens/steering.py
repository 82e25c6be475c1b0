"""What can be done to a run from a screen that shows it: hold, say, budget, cancel and the rest.

Asks what there is to ask, has it done beside the screen, and says what was recorded. In the past
only the brakes are left, and they say where they act.
"""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from textual.screen import Screen

from quarterdeck.actions import Action
from quarterdeck.dialogs.base import ConfirmDialog, Dialog, Result
from quarterdeck.dialogs.grants import GrantsDialog
from quarterdeck.dialogs.text import Field, TextDialog, Values
from quarterdeck.screens.base import DeckScreen
from quarterdeck.views.commands import GrantLine, ToolScope
from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import money
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import deck
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.vocabulary.money import micros_of
from quarterdeck_kernel.vocabulary.rows import FleetRow

if TYPE_CHECKING:
    from quarterdeck_kernel.projections.state import RunState

Done = Callable[[], Awaitable[int]]

BRAKES: Final = frozenset({"hold", "cancel_run", "cancel_now"})
"""What may be done from the past: it stops a run, and stops it now."""
_MOST_DOLLARS: Final = 1_000_000_000
OVER: Final = frozenset({"succeeded", "failed", "cancelled", "timed_out"})
_STEERS: Final = frozenset(
    {"hold", "say", "budget", "model", "tools", "acknowledge", "grants", "cancel_run", "cancel_now"}
)


class Target(NamedTuple):
    """The run that is meant, as it stands now. `past` is where somebody looks instead."""

    row: FleetRow
    state: "RunState | None"
    past: int | None = None

    @property
    def held(self) -> bool:
        """Tell whether it is held."""
        return bool(self.state.holds) if self.state is not None else self.row.need == "held"

    def where(self) -> str:
        """Return where an action takes place, if one might be mistaken."""
        if self.past is None:
            return ""
        return f"Acts now, at #{self.row.head_seq:,}, not #{self.past:,}."


class Steering(DeckScreen):
    """A screen whose run can be steered."""

    MENU = ("menu",)

    def target(self) -> Target | None:
        """Return the run that is under the cursor or open."""
        raise NotImplementedError

    def withheld(self, action: Action) -> str | None:
        """Say why a run cannot be steered: it is over, or one looks at its past."""
        if action.method == "merge":
            return self._unmergeable() or super().withheld(action)
        target = self.target() if action.method in _STEERS else None
        if target is None:
            return super().withheld(action)
        over = target.row.status in OVER
        brake = action.method in BRAKES and not (action.method == "hold" and target.held)
        if target.past is not None and not brake:
            return "this is the past; L returns to live"
        if action.method == "acknowledge":
            if target.row.need in {"failed", "timed_out"}:
                return None
            return "there is no failure that was not acknowledged"
        return "the run is over" if over else super().withheld(action)

    def action_hold(self) -> None:
        """Hold the run, or release it; from the past after a question that says where it acts."""
        target = self.target()
        if target is None:
            return
        run_id, commands = target.row.run_id, self.source.commands
        if target.held:
            self._do(f"release {plain(run_id)}", lambda: commands.release(run_id))
            return

        def hold() -> None:
            self._do(f"hold {plain(run_id)}", lambda: commands.hold(run_id, None))

        if target.past is None:
            hold()
        else:
            text = f"{target.where()}\nIt writes no new intent until it is released."
            self._confirm(ConfirmDialog(f"Hold {run_id}?", text, decide="Hold now"), hold)

    def action_say(self) -> None:
        """Queue a message for the agent."""
        target = self.target()
        if target is None:
            return
        run_id = target.row.run_id
        field = Field("text", "Message; the agent gets it once, in its next turn")
        self._form(
            TextDialog(f"Say to {run_id}", (field,), decide="Say", problem=_needed("text")),
            lambda said: self._do(
                f"say to {plain(run_id)}",
                lambda: self.source.commands.say(run_id, said["text"].strip()),
            ),
        )

    def action_budget(self) -> None:
        """Raise or lower the run's budget of money."""
        target = self.target()
        if target is None:
            return
        run_id, row, state = target.row.run_id, target.row, target.state
        bound = state.conditions.limit("micros") if state is not None else None
        limit = bound.limit if bound is not None else row.budget_micros
        now = money(limit) if limit is not None else ""
        text = (
            f"Spent so far: {money(row.cost_micros, unknown=row.cost_unknown)} dollars. "
            f"The bound is {now or 'none'}. A raised bound releases what the budget held."
        )
        field = Field("limit", "Dollars; “none” for no bound", now, "1.50")
        self._form(
            TextDialog(
                f"Budget of {run_id}", (field,), decide="Change", text=text, problem=_not_dollars
            ),
            lambda said: self._do(
                f"change the budget of {plain(run_id)}",
                lambda: self.source.commands.budget(
                    run_id,
                    _micros(said["limit"]),
                    bound.revision if bound is not None else None,
                ),
            ),
        )

    def action_model(self) -> None:
        """Let the run ask another model from its next request on."""
        target = self.target()
        if target is None:
            return
        run_id, state = target.row.run_id, target.state
        now = (state.conditions.model if state is not None else target.row.model) or ""
        revision = state.conditions.model_revision if state is not None else None
        field = Field("model", "Model, from the next request on", now)
        self._form(
            TextDialog(f"Model of {run_id}", (field,), decide="Use it", problem=_needed("model")),
            lambda said: self._do(
                f"change the model of {plain(run_id)}",
                lambda: self.source.commands.model(run_id, said["model"].strip(), revision),
            ),
        )

    def action_tools(self) -> None:
        """Narrow or widen what the agent sees of its tools."""
        target = self.target()
        if target is None:
            return
        run_id, state = target.row.run_id, target.state
        conditions = state.conditions if state is not None else None
        scope = conditions.scope if conditions is not None else "all"
        names = ", ".join(conditions.scope_tools) if conditions is not None else ""
        revision = conditions.scope_revision if conditions is not None else None
        fields = (
            Field("scope", "“all”, “allow” only these, or “deny” these", scope),
            Field("tools", "Tools, parted by commas", names),
        )
        text = "Narrows what the agent has, never widens it; from its next request on."
        self._form(
            TextDialog(f"Tools of {run_id}", fields, decide="Change", text=text, problem=_no_scope),
            lambda said: self._do(
                f"change the tools of {plain(run_id)}",
                lambda: self.source.commands.scope(
                    run_id,
                    cast("ToolScope", said["scope"].strip()),
                    _names(said["tools"]),
                    revision,
                ),
            ),
        )

    def action_acknowledge(self) -> None:
        """Say that the run's failure was seen."""
        target = self.target()
        if target is not None:
            run_id = target.row.run_id
            self._do(
                f"acknowledge {plain(run_id)}",
                lambda: self.source.commands.acknowledge(run_id, None),
            )

    def action_grants(self) -> None:
        """Show what may go unasked, and revoke it."""
        target = self.target()
        if target is None:
            return
        run_id = target.row.run_id

        async def show(_work: Work) -> None:
            grants = await self.source.commands.grants(run_id)
            self.app.call_later(self._show_grants, run_id, grants)

        deck(self).work("reading grants", show)

    def _show_grants(self, run_id: str, grants: list[GrantLine]) -> None:
        if not grants:
            deck(self).notice(f"nothing may go unasked in {plain(run_id)}")
            return

        def answered(grant_id: str | None) -> None:
            if grant_id is not None:
                self._do(
                    f"revoke a grant of {plain(run_id)}",
                    lambda: self.source.commands.revoke(run_id, grant_id),
                )

        self._open(GrantsDialog(run_id, grants), answered)

    def action_cancel_run(self) -> None:
        """End the run at its next boundary."""
        self._cancel(
            now=False,
            text="It ends once the effect in flight is recorded.",
            decide="Cancel at the boundary",
        )

    def action_cancel_now(self) -> None:
        """End the run without waiting."""
        self._cancel(
            now=True,
            text="It ends without waiting; an effect in flight may become unknown.",
            decide="Cancel now",
        )

    def _cancel(self, *, now: bool, text: str, decide: str) -> None:
        target = self.target()
        if target is None:
            return
        run_id = target.row.run_id

        def cancel() -> None:
            self._do(
                f"cancel {plain(run_id)}",
                lambda: self.source.commands.cancel(run_id, now=now, reason=None),
            )

        text = f"{target.where()}\n{text}".strip()
        self._confirm(
            ConfirmDialog(f"Cancel {run_id}?", text, decide=decide, back="Keep it running"), cancel
        )

    # -- what came of it

    def _unmergeable(self) -> str | None:
        target = self.target()
        if target is None or target.row.fork_of is None:
            return "the run is no fork"
        return None if target.row.status == "succeeded" else "the fork has not succeeded (yet)"

    def action_merge(self) -> None:
        """Bring the answer and the files of a fork home."""
        target = self.target()
        if target is None or target.row.fork_of is None:
            return
        run_id, parent = target.row.run_id, target.row.fork_of

        async def do(_work: Work) -> None:
            deck(self).notice(f"merged: {plain(await self.source.past.merge(run_id))}")

        text = (
            f"Its answer and the files it changed become events of {parent}.\n"
            "Nothing of them is lost; what stands there stays on record."
        )
        dialog = ConfirmDialog(f"Merge {run_id} into {parent}?", text, decide="Merge")

        def merge() -> None:
            deck(self).work("merging", do)

        self._confirm(dialog, merge)

    def action_export(self) -> None:
        """Write the run into a file of its own."""
        target = self.target()
        if target is None:
            return
        run_id = target.row.run_id
        fields = (
            Field("file", "A file that is not there yet", str(Path(f"{run_id}.recording"))),
            Field("with", "With “forks”, “children”, both, or neither", "", "neither"),
        )
        text = "Events, files and bookmarks, every hash kept. What is personal is left out."

        def export(said: Values) -> None:
            path, more = Path(said["file"].strip()).expanduser(), _names(said["with"])

            async def do(work: Work) -> None:
                held = await self.source.past.export(
                    run_id,
                    path,
                    forks="forks" in more,
                    children="children" in more,
                    tell=work.tell,
                )
                deck(self).notice(f"exported to {plain(str(path))}: {held}")

            deck(self).work(f"exporting {plain(run_id)}", do)

        self._form(
            TextDialog(f"Export {run_id}", fields, decide="Export", text=text, problem=_no_export),
            export,
        )

    # -- asking and doing

    def _do(self, what: str, done: Done) -> None:
        """Have it done beside the screen, and say where it is recorded."""

        async def do(_work: Work) -> None:
            seq = await done()
            deck(self).notice(f"recorded: {what}, #{seq:,}")

        deck(self).work(what, do)

    def _confirm(self, dialog: Dialog[str], then: Callable[[], None]) -> None:
        self._open(dialog, lambda answer: then() if answer == "yes" else None)

    def _form(self, dialog: TextDialog, then: Callable[[Values], None]) -> None:
        self._open(dialog, lambda values: then(values) if values is not None else None)

    def _open(self, dialog: Dialog[Result], answer: Callable[[Result | None], None]) -> None:
        # By the app: a screen never waits for a screen.
        self.app.call_later(self.app.push_screen, cast("Screen[Result | None]", dialog), answer)


def _needed(name: str) -> Callable[[Mapping[str, str]], str | None]:
    return lambda values: None if values[name].strip() else f"type the {name} first"


def _micros(text: str) -> int | None:
    text = text.strip().removeprefix("$")
    return None if text == "none" else micros_of(Decimal(text))


def _not_dollars(values: Mapping[str, str]) -> str | None:
    text = values["limit"].strip().removeprefix("$")
    if text == "none":
        return None
    try:
        amount = Decimal(text)
        exact = amount.is_finite() and 0 <= amount <= _MOST_DOLLARS and micros_of(amount) >= 0
    except (InvalidOperation, InvalidError):
        exact = False
    return None if exact else f"{text!r} is no bound; type dollars as 1.50, or none"


def _no_export(values: Mapping[str, str]) -> str | None:
    path = Path(values["file"].strip()).expanduser()
    if not values["file"].strip():
        return "type the name of a file"
    if path.exists():
        return f"{plain(str(path))} is there already; name another"
    odd = [name for name in _names(values["with"]) if name not in {"forks", "children"}]
    return f"{plain(odd[0])!r} cannot come along; type forks or children" if odd else None


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _no_scope(values: Mapping[str, str]) -> str | None:
    scope, names = values["scope"].strip(), _names(values["tools"])
    if scope not in {"all", "allow", "deny"}:
        return f"{scope!r} is no scope; type all, allow or deny"
    if (scope == "all") == bool(names):
        return "name tools to allow or deny, and none for all"
    return None
