"""The actions menu over several runs: one question that lists them all, one table of results."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from quarterdeck.actions import Action
from quarterdeck.dialogs.base import AskDialog, Choice, ConfirmDialog
from quarterdeck.dialogs.text import Field, TextDialog
from quarterdeck.screens.base import DeckScreen
from quarterdeck.screens.steering import Steering
from quarterdeck.views import batch
from quarterdeck.views.batch import Result, Verb
from quarterdeck.views.commands import RunCommands
from quarterdeck.views.troubles import sentence
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import deck
from quarterdeck_kernel.errors import QuarterdeckError
from quarterdeck_kernel.vocabulary.rows import FleetRow

_CLOSE: Final = (Choice("close", "Close"),)


class Batching(Steering):
    """A screen with a selection: while there is one, its runs are meant, and not the cursor's."""

    def selection(self) -> Sequence[FleetRow]:
        """Return the runs that are selected."""
        raise NotImplementedError

    def unselect(self, run_id: str) -> None:
        """Take a run out of the selection: what was asked for is done."""
        raise NotImplementedError

    def withheld(self, action: Action) -> str | None:
        """Say why it can be done to none of the selected."""
        rows = self.selection() if action.scope == "menu" else ()
        if not rows:
            return super().withheld(action)
        verb = batch.verb_for(action.method, rows)
        if verb is None:
            return "this is for one run at a time; Esc unselects"
        problems = [asked.problem for asked in batch.asked_of(verb, rows)]
        return DeckScreen.withheld(self, action) if None in problems else problems[0]

    def action_hold(self) -> None:
        """Hold what is selected, or release it if all of it is held."""
        if not self._together("hold"):
            super().action_hold()

    def action_say(self) -> None:
        """Say something to all that is selected."""
        if not self._together("say"):
            super().action_say()

    def action_acknowledge(self) -> None:
        """Acknowledge the failures among what is selected."""
        if not self._together("acknowledge"):
            super().action_acknowledge()

    def action_cancel_run(self) -> None:
        """End what is selected, each at its next boundary."""
        if not self._together("cancel_run"):
            super().action_cancel_run()

    def action_cancel_now(self) -> None:
        """End what is selected without waiting."""
        if not self._together("cancel_now"):
            super().action_cancel_now()

    def _together(self, method: str) -> bool:
        """Ask about the selection; without one, say so."""
        rows = self.selection()
        verb = batch.verb_for(method, rows) if rows else None
        if verb is None:
            return False
        asked = batch.asked_of(verb, rows)
        good = [item.row.run_id for item in asked if item.problem is None]
        words = batch.WORDS[verb]
        title = f"{words.ask} {batch.runs(len(good))}?"
        text, decide = batch.summary(verb, asked), f"{words.decide}: {len(good):,}"
        if verb == "say":
            field = Field("text", "Message")
            form = TextDialog(title, (field,), decide=decide, text=text, problem=_empty)
            self._form(form, lambda said: self._do_all(verb, good, said["text"].strip()))
        else:
            dialog = ConfirmDialog(title, text, decide=decide)
            self._confirm(dialog, lambda: self._do_all(verb, good, ""))
        return True

    def _do_all(self, verb: Verb, run_ids: Sequence[str], text: str) -> None:
        async def do(work: Work) -> None:
            found: list[Result] = []
            try:
                for number, run_id in enumerate(run_ids):
                    work.tell(number, len(run_ids))
                    found.append(await _result(self.source.commands, verb, run_id, text))
                    if found[-1].good:
                        self.unselect(run_id)
            except asyncio.CancelledError:
                left = run_ids[len(found) :]
                found += [
                    Result(run_id, "stopped before it was asked", good=False) for run_id in left
                ]
                raise
            finally:
                dialog = AskDialog(*batch.results(found), _CLOSE)
                self.app.call_later(self.app.push_screen, dialog)

        words = batch.WORDS[verb]
        deck(self).work(f"{words.ask.lower()} {batch.runs(len(run_ids))}", do)


async def _result(commands: RunCommands, verb: Verb, run_id: str, text: str) -> Result:
    try:
        seq = await _asked(commands, verb, run_id, text)
    except QuarterdeckError as error:
        return Result(run_id, sentence(error), good=False)
    return Result(run_id, f"recorded, #{seq:,}", good=True)


async def _asked(commands: RunCommands, verb: Verb, run_id: str, text: str) -> int:
    match verb:
        case "hold":
            return await commands.hold(run_id, None)
        case "release":
            return await commands.release(run_id)
        case "say":
            return await commands.say(run_id, text)
        case "acknowledge":
            return await commands.acknowledge(run_id, None)
        case "cancel_run" | "cancel_now":
            return await commands.cancel(run_id, now=verb == "cancel_now", reason=None)


def _empty(values: Mapping[str, str]) -> str | None:
    return None if values["text"].strip() else "type the message first"
