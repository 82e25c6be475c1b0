"""What was last read of the workspace, as one immutable value; and where screens get it from."""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from quarterdeck.views.log_lines import LogLine
from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow
from quarterdeck_kernel.vocabulary.words import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """The fleet, the inbox and the chain at one moment.

    `position` and `link` are the newest link of the chain over all runs. `driven_here` counts
    the runs that stop when this process ends. `trouble` says why what is shown may be old.
    """

    rows: tuple[FleetRow, ...] = ()
    more: bool = False
    inbox: tuple[InboxRow, ...] = ()
    position: int = 0
    link: str = ""
    loaded: bool = False
    driven_here: int = 0
    trouble: str | None = None

    def row(self, run_id: str | None) -> FleetRow | None:
        """Return the row of a run."""
        return next((row for row in self.rows if row.run_id == run_id), None)

    def counts(self) -> Counter[Need]:
        """Return how many runs are in each state."""
        return Counter(row.need for row in self.rows)


class Source(Protocol):
    """Where screens look: all of it answers at once, from what was read already."""

    @property
    def revision(self) -> int:
        """Return a number that rises whenever anything below may answer differently."""
        ...

    def glimpse(self) -> Glimpse:
        """Return what was last read."""
        ...

    def line(self, run_id: str, seq: int) -> LogLine | None:
        """Return a line of a run's log; None: it is being read, ask again at the next revision."""
        ...

    def now_us(self) -> int:
        """Return the time in UTC."""
        ...
