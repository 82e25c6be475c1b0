"""Inbox: what waits for a person, in all runs. Only a batch that was read is decided here."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from textual import events
from textual.widget import Widget

from quarterdeck.actions import Action
from quarterdeck.dialogs.base import AskDialog, Choice
from quarterdeck.dialogs.deciding import Decided, DecidingDialog
from quarterdeck.messages import ItemOpened
from quarterdeck.screens.base import Copied, DeckScreen
from quarterdeck.screens.item import ItemScreen
from quarterdeck.views import headline, inbox_rows
from quarterdeck.views.decisions import Clerk, Decision, Judged, why_not_together
from quarterdeck.views.glimpse import Source
from quarterdeck.views.inbox_rows import Name
from quarterdeck.views.matter_text import body
from quarterdeck.views.plain import plain
from quarterdeck.views.reading import ReadingBook
from quarterdeck.views.troubles import sentence
from quarterdeck.views.work import Work
from quarterdeck.widgets.bars import EndsLine
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.inbox_list import InboxList
from quarterdeck_kernel import QuarterdeckError
from quarterdeck_kernel.errors import AlreadySettledError, ConflictError


class InboxScreen(DeckScreen):
    """The list. Enter opens an item; decisions are made there."""

    PLACE = "Inbox"
    TAB = "inbox"
    MENU = ("batch",)
    AUTO_FOCUS: ClassVar[str] = "#inbox"

    def __init__(
        self, source: Source, clerk: Clerk | None, book: ReadingBook, *, zone: tzinfo | None
    ) -> None:
        """Show what waits in a source; a clerk takes what is decided."""
        super().__init__(source)
        self._clerk = clerk
        self._book = book
        self._zone = zone

    def compose_body(self) -> list[Widget]:
        """Return the heading and the list."""
        return [EndsLine(id="heading"), InboxList(self.source.gist, id="inbox")]

    @property
    def list(self) -> InboxList:
        """Return the list."""
        return self.query_one(InboxList)

    def tick(self) -> None:
        """Let the order go on once the hand is off the list, too."""
        super().tick()
        if self.list.moves or self.list.gone:
            self._apply()

    def show_news(self) -> None:
        """Hand the glimpse to the list."""
        self._apply()
        # What was asked for is read ahead, so that a batch need not wait.
        for name in self.list.selected:
            self._matter(name)

    def _apply(self) -> None:
        glimpse = self.source.glimpse()
        self.list.apply(glimpse, self.source.now_us())
        self._show_status()

    def _show_status(self) -> None:
        glimpse, rows = self.source.glimpse(), self.list
        if glimpse.loaded:
            self.status.show(
                *inbox_rows.status(
                    glimpse, rows.order, moves=rows.moves, selected=len(rows.selected)
                )
            )
        else:
            self.status.show(headline.unread(glimpse))
        width = rows.line_width or self.size.width
        heading = inbox_rows.heading(inbox_rows.placed(width)) if glimpse.inbox else ""
        self.query_one("#heading", EndsLine).show(heading)

    def on_resize(self, _event: events.Resize) -> None:
        """Place the headings anew."""
        self.call_after_refresh(self._show_status)

    def copied(self) -> Copied | None:
        """Return the item under the cursor."""
        row = self.list.row_at_cursor()
        if row is None:
            return None
        return Copied(f"{row.run_id} {row.item_id} {plain(row.title)}", f"item {row.item_id}")

    def on_item_opened(self, message: ItemOpened) -> None:
        """Open an item."""
        self.open_item((message.run_id, message.item_id))

    def open_item(self, name: Name) -> None:
        """Open an item; the others follow it in the order of the list."""
        screen = ItemScreen(
            self.source, self._clerk, self._book, name, order=self.list.shown, zone=self._zone
        )
        self.app.call_later(self.app.push_screen, screen)

    # -- a batch

    def withheld(self, action: Action) -> str | None:
        """Return why nothing may be decided now."""
        if action.scope != "batch":
            return None
        if self._clerk is None or self.source.glimpse().trouble is not None:
            return "the workspace cannot be written"
        return None if self.list.selected else "nothing is selected; space selects"

    def _matter(self, name: Name) -> "object | None":
        return self._clerk.matter(*name) if self._clerk is not None else None

    def _judged(self) -> Sequence[Judged]:
        assert self._clerk is not None, "withheld without one"
        matters = {name: self._clerk.matter(*name) for name in self.list.selected}
        read = [
            name
            for name, matter in matters.items()
            if matter is not None and self._book.finished(matter.content(body(matter, self._zone)))
        ]
        titles = {name: row.title for name, row in self.list.selected.items()}
        return why_not_together(matters, titles, read)

    def action_approve_selected(self) -> None:
        """Show one summary of all that is selected; it confirms."""
        judged = self._judged()
        good = [item for item in judged if item.problem is None]
        bad = [item for item in judged if item.problem is not None]
        text = _summary(good, bad)
        if not good:
            dialog = AskDialog("None of these can be approved together", text, _CLOSE)
            self.app.call_later(self.app.push_screen, dialog)
            return
        count = f"{len(good)} call{'s' if len(good) > 1 else ''} of {plain(_tool(good))}"
        approve = DecidingDialog(
            f"Approve {count}, each once?",
            text=text,
            decides=(Choice("approved", f"Approve {len(good)}"),),
        )

        def decided(answer: Decided | None) -> None:
            if answer is not None:
                self._approve(good)

        self.app.call_later(self.app.push_screen, approve, decided)

    def _approve(self, items: Sequence[Judged]) -> None:
        clerk = self._clerk
        assert clerk is not None, "withheld without one"

        async def approve(work: Work) -> None:
            results: list[str] = []
            try:
                for number, item in enumerate(items):
                    work.tell(number, len(items))
                    results.append(
                        f"{await _result(clerk, item, self.source.now_us())}  {plain(item.title)}"
                    )
                    self.list.selected.pop(item.name, None)
            finally:
                # However it ends: what was approved until then stands, and is to be seen.
                results += [f"not asked  {plain(item.title)}" for item in items[len(results) :]]
                dialog = AskDialog("What became of them", "\n".join(results), _CLOSE)
                self.app.call_later(self.app.push_screen, dialog)

        deck(self).work("approving", approve)


_CLOSE = (Choice("close", "Close"),)


def _tool(items: Sequence[Judged]) -> str:
    matter = items[0].matter
    return (matter.tool if matter is not None else None) or "a tool"


def _summary(good: Sequence[Judged], bad: Sequence[Judged]) -> str:
    lines = []
    for item in good:
        digest = (item.matter.digest if item.matter is not None else None) or ""
        lines.append(f"+ {plain(item.title)} · run {plain(item.name[0])} · {digest[:8]}")
    if bad:
        lines += ["", "not among them:"]
        lines += [f"- {plain(item.title)}: {plain(item.problem or '')}" for item in bad]
    return "\n".join(lines)


async def _result(clerk: Clerk, item: Judged, now_us: int) -> str:
    assert item.matter is not None, "judged good"
    run_id, item_id = item.name
    digest = item.matter.digest
    decision = Decision(run_id=run_id, item_id=item_id, verb="approved", digest=digest)
    try:
        return await clerk.decide(decision)
    except AlreadySettledError as error:
        return f"answered before: {sentence(error)}"
    except ConflictError as error:
        return f"{'expired' if _expired(item, now_us) else 'stale'}: {sentence(error)}"
    except QuarterdeckError as error:
        return f"refused: {sentence(error)}"


def _expired(item: Judged, now_us: int) -> bool:
    pause = item.matter.pause if item.matter is not None else None
    return pause is not None and pause.expires_at_us is not None and pause.expires_at_us <= now_us
