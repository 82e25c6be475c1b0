"""One item of the inbox: what is asked, and every decision about it.

A key decides only what was looked at: half a second after this content was first painted, half a
second after the key or click before, and approving only once all of it was shown. Whatever
happens elsewhere meanwhile, the screen stays where it is and says so.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from quarterdeck.actions import Action
from quarterdeck.dialogs.deciding import Decided, DecidingDialog
from quarterdeck.dialogs.text import Values
from quarterdeck.screens import item_dialogs as dialogs
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.screens.run import RunScreen
from quarterdeck.views import matter_text, permission
from quarterdeck.views.arming import Armed
from quarterdeck.views.decisions import Clerk, Decision, Verb
from quarterdeck.views.glimpse import Source
from quarterdeck.views.inbox_rows import Name, name_of
from quarterdeck.views.matter import Matter
from quarterdeck.views.order import held_order
from quarterdeck.views.plain import plain
from quarterdeck.views.reading import ReadingBook
from quarterdeck.views.work import Work
from quarterdeck.widgets.bars import EndsLine, TitleLine
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.matter_pane import MatterPane


class ItemScreen(DeckScreen):
    """The detail of an item; `n` and `N` go on to others in the order of the list."""

    PLACE = "Item"
    TAB = "inbox"
    AUTO_FOCUS: ClassVar[str] = "#matter"
    BINDINGS: ClassVar[list[BindingType]] = bindings("approval", "unknown", "item")

    def __init__(
        self,
        source: Source,
        clerk: Clerk | None,
        book: ReadingBook,
        name: Name,
        *,
        order: Sequence[Name],
        zone: tzinfo | None,
    ) -> None:
        """Show an item."""
        super().__init__(source)
        self.name_shown = name
        self._clerk, self._book, self._zone = clerk, book, zone
        self._order = list(order)
        self._matter: Matter | None = None
        self._whole: set[str] = set()
        self._armed: Armed | None = None
        self._deciding = False
        self._dialog: DecidingDialog | None = None
        self._dialog_content = ""
        self._typed: dict[tuple[Name, str], Values] = {}
        self._offered: object = None
        self._said = ""

    def compose_body(self) -> list[Widget]:
        """Return heads, text, lock, and what came before."""
        return [
            EndsLine(id="what"),
            EndsLine(id="whose"),
            TitleLine(id="what-title"),
            MatterPane(id="matter"),
            TitleLine(id="lock"),
            Static(id="why", markup=False),
            EndsLine(id="before"),
        ]

    @property
    def pane(self) -> MatterPane:
        """Return the text."""
        return self.query_one(MatterPane)

    # -- what is shown

    def show_news(self) -> None:
        """Show the item as it is now, in the place where it stands."""
        self._order = held_order(self._order, self._open_names(), gone_stay=True)
        matter = self._clerk.matter(*self.name_shown) if self._clerk is not None else None
        if matter is None:
            if self._matter is None or self._matter.name != self.name_shown:
                self._matter = None
                self.query_one("#what", EndsLine).show("reading…")
            return
        self._matter = matter
        text = matter_text.body(matter, self._zone)
        content = matter.content(text)
        self.pane.show_content(content, text, self._book.of(content), whole=content in self._whole)
        heads = matter_text.heads(matter, self._place(), self.source.now_us(), self._zone)
        self.query_one("#what", EndsLine).show(*heads.what)
        self.query_one("#what").set_class(matter.kind == "unknown", "-unknown")
        self.query_one("#whose", EndsLine).show(*heads.whose)
        self.query_one("#what-title", TitleLine).show(heads.title)
        self.query_one("#why", Static).update(matter_text.why_line(matter, *self.size))
        before = matter_text.before_line(matter)
        self.query_one("#before", EndsLine).show(before)
        self.query_one("#before").display = bool(before)
        self.query_one("#why").display = bool(matter.why)
        self._show_dialog_news(content)

    def _show_dialog_news(self, content: str) -> None:
        """Let an open dialog say at once that it decides nothing any more."""
        dialog = self._dialog
        if dialog is None or not dialog.is_mounted:
            return
        if self._inert is not None:
            dialog.turn_inert(self._inert)
        elif content != self._dialog_content:
            dialog.turn_inert("what this is about has changed meanwhile: Esc, and look again")

    def tick(self) -> None:
        """Show what is new, and how long nothing may happen until a decision counts."""
        super().tick()
        board = deck(self)
        if self._armed and self._armed.lets_go(self.pane.content, board.hands, board.monotonic_s()):
            self._armed = None
        self._show_lock()
        self._show_readiness()
        offered = [
            permission.why_not(action, self._circumstances()) for action in permission.DECIDING
        ]
        if (offered, self._armed, self._matter and self._matter.kind) != self._offered:
            self._offered = (offered, self._armed, self._matter and self._matter.kind)
            self.refresh_bindings()

    def _show_lock(self) -> None:
        pane, lock = self.pane, self.query_one("#lock", TitleLine)
        if self._matter is None or not pane.lines:
            return
        unread = pane.unread
        if not unread and not pane.held:
            self._book.finish(pane.content)
        locks = {"call": "approve is locked", "question": "the answer is locked", "unknown": ""}
        lock.show(
            matter_text.lock_line(
                unread, len(pane.lines), held=pane.held, locks=locks[self._matter.kind]
            )
        )
        lock.set_class(not unread and not pane.held, "-read")

    def _show_readiness(self) -> None:
        matter, hands, now_s = self._matter, deck(self).hands, deck(self).monotonic_s()
        if matter is None:
            return
        banner = matter_text.banner(
            matter, self._inert, self.source.glimpse().trouble, armed=self._armed is not None
        )
        if banner is not None:
            self.status.banner(*banner)
            return
        self.status.take_down()
        wait_s = hands.ready_in_s(self.pane.shown_s, now_s)
        ready = f"ready in {wait_s:.1f} s" if wait_s > 0 else "ready"
        self.status.show(self._said or "a decision stands: there is no undo", ready)

    def on_screen_resume(self) -> None:
        """Paint anew what was covered: only now it is shown."""
        super().on_screen_resume()
        if self.ready:
            self.pane.uncover()

    def copied(self) -> Copied | None:
        """Return the whole text."""
        if self._matter is None:
            return None
        return Copied(matter_text.body(self._matter, self._zone), f"item {self._matter.item_id}")

    @property
    def _inert(self) -> str | None:
        return matter_text.inert_line(self._matter, self._zone) if self._matter else None

    @property
    def over(self) -> bool:
        """Tell whether it is settled: then the list is what one comes back to."""
        return self._inert is not None or self.name_shown not in self._open_names()

    # -- where to go

    def _open_names(self) -> list[Name]:
        return [name_of(row) for row in self.source.glimpse().inbox]

    def _place(self) -> str:
        names = self._open_names()
        standing = [name for name in self._order if name in set(names)]
        if self.name_shown not in standing:
            return "Inbox"
        return f"{standing.index(self.name_shown) + 1} of {len(standing)}"

    def go(self, name: Name) -> None:
        """Show another item."""
        if name != self.name_shown:
            self.name_shown = name
            self._armed, self._said, self._matter = None, "", None
            self._revision = -1
            self.tick()

    def action_item(self, step: int) -> None:
        """Go to the next item that is open, or to the one before."""
        name = self._beside(step)
        if name is None:
            deck(self).notice("no other item waits")
        else:
            self.go(name)

    def _beside(self, step: int) -> Name | None:
        still_open = set(self._open_names())
        place = self._order.index(self.name_shown) if self.name_shown in self._order else 0
        for number in range(1, len(self._order)):
            name = self._order[(place + step * number) % len(self._order)]
            if name in still_open:
                return name
        return None

    def action_open_run(self) -> None:
        """Open the run it belongs to."""
        screen = RunScreen(self.source, self.name_shown[0], zone=self._zone)
        self.app.call_later(self.app.push_screen, screen)

    def action_whole(self) -> None:
        """Show all of a long text."""
        if self.pane.held:
            self._whole.add(self.pane.content)
            self._revision = -1
            self.tick()

    # -- what may be decided

    def _circumstances(self) -> permission.Circumstances:
        glimpse, pane = self.source.glimpse(), self.pane
        trouble = glimpse.trouble
        if self._clerk is None:
            trouble = "nobody here takes decisions"
        return permission.Circumstances(
            matter=self._matter,
            trouble=trouble,
            deciding=self._deciding,
            unread=pane.unread,
            held=pane.held,
            now_us=self.source.now_us(),
            inert=self._inert,
        )

    def withheld(self, action: Action) -> str | None:
        """Return why a decision is not to be had now."""
        if not self.ready or action.id not in permission.DECIDING:
            return None
        return permission.why_not(action.id, self._circumstances())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What an item cannot be asked for has no key there."""
        if not permission.fits(action, self._matter):
            return False
        if action == "approve_once" and self._armed is None:
            return False
        if action == "whole" and not (self.ready and self.pane.held):
            return False
        return super().check_action(action, parameters)

    def _meant(self) -> bool:
        """Tell whether the newest key or click may decide; if not, say so."""
        meant = deck(self).hands.meant(self.pane.shown_s)
        self._said = "" if meant else "too soon: that key did nothing"
        if not meant:
            self._armed = None
        self._show_readiness()
        return meant

    # -- approving

    def action_arm(self) -> None:
        """Let the next press approve."""
        if self._armed is None and self._meant():
            board = deck(self)
            self._armed = Armed(self.pane.content, board.hands.touches, board.monotonic_s())
            self.tick()

    def _armed_for_this(self) -> bool:
        """Tell whether this press is the first one after `a`, and about what is newest."""
        self.show_news()
        armed, self._armed = self._armed, None
        board = deck(self)
        return armed is not None and armed.fires(
            self.pane.content, board.hands, board.monotonic_s()
        )

    def action_approve_once(self) -> None:
        """Approve exactly this."""
        if self._armed_for_this() and self._meant():
            self._decide("approved")
        self.tick()

    def action_approve_run(self) -> None:
        """Grant this tool with these arguments until the run ends; if it is not armed, ask."""
        matter = self._matter
        if matter is None:
            return
        if self._armed_for_this():
            if self._meant():
                self._decide("granted")
        elif self._meant():
            self._ask(dialogs.grant(matter), "granted")
        self.tick()

    # -- the other decisions

    def action_reject(self) -> None:
        """Refuse it, with a reason for the model."""
        self._open("reject")

    def action_edit(self) -> None:
        """Change what will run."""
        self._open("edit")

    def action_answer(self) -> None:
        """Answer the question."""
        self._open("answer")

    def action_probe(self) -> None:
        """Ask the tool whether it happened."""
        self._open("probe")

    def action_settle_done(self) -> None:
        """It happened: say how you know."""
        self._open("done")

    def action_settle_failed(self) -> None:
        """It did not happen: say why."""
        self._open("failed")

    def action_retry(self) -> None:
        """Try again under the same key."""
        self._open("retry")

    def _open(self, what: str) -> None:
        matter = self._matter
        if matter is None or not self._meant():
            return
        typed = self._typed.setdefault((matter.name, what), {})
        self._ask(dialogs.DIALOGS[what](matter, typed), what)

    def _ask(self, dialog: DecidingDialog, what: str) -> None:
        matter = self._matter
        assert matter is not None, "it is asked about"
        self._armed, self._dialog, self._dialog_content = None, dialog, self.pane.content

        def decided(answer: Decided | None) -> None:
            self._dialog = None
            if answer is not None:
                self._record(dialogs.decision(matter, what, answer))

        self.app.call_later(self.app.push_screen, dialog, decided)

    # -- putting it on record

    def _decide(self, verb: Verb) -> None:
        matter = self._matter
        assert matter is not None, "it is decided about"
        run_id, item_id = matter.name
        self._record(Decision(run_id=run_id, item_id=item_id, verb=verb, digest=matter.digest))

    def _record(self, decision: Decision) -> None:
        if (clerk := self._clerk) is None or self._deciding:
            return
        self._deciding = True
        name = (decision.run_id, decision.item_id)
        subject = self._matter.subject if self._matter is not None else plain(name[0])

        async def record(_work: Work) -> None:
            try:
                said = await clerk.decide(decision)
            finally:
                self._deciding = False
            self._typed = {key: kept for key, kept in self._typed.items() if key[0] != name}
            deck(self).notice(f"{subject}: {said}")
            self._advance(name, decision)

        deck(self).work("recording the decision", record)

    def _advance(self, name: Name, decision: Decision) -> None:
        """Go on to the next item, unless somebody has gone elsewhere meanwhile."""
        if self.name_shown != name or decision.verb == "probe" or not self.is_attached:
            return
        if (following := self._beside(1)) is not None:
            self.go(following)
        elif self.app.screen is self:
            self.action_back()
