"""What was noticed, the newest first; the details of one, to be read and copied."""

from datetime import tzinfo
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from quarterdeck.dialogs.base import Body, Dialog
from quarterdeck.views.notices import Notice
from quarterdeck.views.plain import plain
from quarterdeck.views.quantities import clock_time
from quarterdeck.widgets.deck import deck
from quarterdeck.widgets.keyed import bindings
from quarterdeck.widgets.pick_list import Line, PickList

_WORDS = {"information": "said", "warning": "warned", "error": "failed"}


class NoticesDialog(Dialog[None]):
    """Shows notices."""

    AUTO_FOCUS: ClassVar[str] = "#notices"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog"), *bindings("global", only=("global.copy",)),
    ]  # fmt: skip

    def __init__(self, notices: tuple[Notice, ...], zone: tzinfo | None) -> None:
        """Show notices; times in a zone, or (None) where the person is."""
        super().__init__("Notices · y copies one with its details")
        self._notices = notices
        self._zone = zone

    def compose_dialog(self) -> list[Widget]:
        """Return the list and the details."""
        lines = [self._line(notice) for notice in self._notices]
        nothing = [Line("nothing was noticed yet", kind="heading")]
        return [PickList(lines or nothing, id="notices"), Body("")]

    def on_mount(self) -> None:
        """Show the newest."""
        self.on_pick_list_moved()

    def on_pick_list_moved(self) -> None:
        """Show the whole of another notice."""
        notice = self._picked()
        if notice is not None:
            self.query_one(Body).say(notice.whole())

    def action_copy(self) -> None:
        """Copy the notice under the cursor."""
        notice = self._picked()
        if notice is not None:
            deck(self).copy(notice.whole(), "the notice")

    def _picked(self) -> Notice | None:
        number = self.query_one(PickList).cursor
        return self._notices[number] if number < len(self._notices) else None

    def _line(self, notice: Notice) -> Line:
        first = plain(notice.text.partition("\n")[0])
        time = clock_time(notice.at_us, self._zone)
        return Line(f"{time}  {_WORDS[notice.severity]:<6}  {first}")
