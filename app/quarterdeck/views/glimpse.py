"""What was last read of the workspace, as one immutable value; and where screens get it from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from quarterdeck.views.books import Grouping, LedgerPage, Span
from quarterdeck.views.commands import RunCommands
from quarterdeck.views.crew import Crew, GrantOf
from quarterdeck.views.log_line import LogLine
from quarterdeck.views.troubles import Troubles
from quarterdeck.views.work import Work
from quarterdeck_kernel.vocabulary.rows import FleetRow, InboxRow
from quarterdeck_kernel.vocabulary.words import Need

if TYPE_CHECKING:
    from quarterdeck.views.past import Past
    from quarterdeck.views.sought import Sought
    from quarterdeck.views.timeline import Survey
    from quarterdeck_kernel.events.envelope import Event
    from quarterdeck_kernel.projections.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """The fleet, the inbox and the chain at one moment.

    `position` and `link` are the newest link of the chain over all runs. `driven_here` counts
    the runs that stop when this process ends. `trouble` says why what is shown may be old.
    `looked_at` is the run whose log is open, which need not be among the first of the fleet.
    """

    rows: tuple[FleetRow, ...] = ()
    more: bool = False
    inbox: tuple[InboxRow, ...] = ()
    position: int = 0
    link: str = ""
    loaded: bool = False
    driven_here: int = 0
    trouble: str | None = None
    looked_at: FleetRow | None = None
    _by_id: dict[str, FleetRow] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def by_id(self) -> Mapping[str, FleetRow]:
        """Return the rows of the fleet by their runs."""
        if len(self._by_id) != len(self.rows):
            self._by_id.update((row.run_id, row) for row in self.rows)
        return self._by_id

    def row(self, run_id: str | None) -> FleetRow | None:
        """Return the row of a run."""
        found = self.by_id.get(run_id) if run_id is not None else None
        if found is None and self.looked_at is not None and self.looked_at.run_id == run_id:
            return self.looked_at
        return found

    def counts(self) -> Counter[Need]:
        """Return how many runs are in each state."""
        return Counter(row.need for row in self.rows)


class SpentToday(NamedTuple):
    """What was spent today by all runs of a workspace, and the bound on it if there is one."""

    micros: int
    unknown: bool = False
    limit_micros: int | None = None


class Source(Protocol):
    """Where screens look: what is not awaited answers at once, from what was read already."""

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

    def gist(self, run_id: str, seq: int) -> str | None:
        """Return what an event is about, in a line; None: it is being read, as with `line`."""
        ...

    def event(self, run_id: str, seq: int) -> "Event | None":
        """Return an event whole; None: it is being read, as with `line`."""
        ...

    def state(self, run_id: str, seq: int) -> "RunState | None":
        """Return the state of a run behind an event; None: it is being folded, ask again."""
        ...

    def survey(self, run_id: str) -> "Survey":
        """Return what is known of the line of a run; what has just come is added by itself."""
        ...

    async def read_survey(self, run_id: str, work: Work) -> None:
        """Read all that is missing of the line of a run, so that `survey` knows it."""
        ...

    async def seek(self, run_id: str, sought: "Sought", work: Work) -> int | None:
        """Return the number of the nearest event that fits, read through the log for it."""
        ...

    def ledger(self, grouping: Grouping, span: Span) -> LedgerPage | None:
        """Return a page of the ledger; None: it is being read. While it is looked at it grows."""
        ...

    def spent_today(self) -> SpentToday | None:
        """Return what was spent today; None: it is being read."""
        ...

    def crew(self) -> Crew:
        """Return who works here, and with what; not loaded: it is being read."""
        ...

    def grants(self) -> tuple[GrantOf, ...] | None:
        """Return the grants that stand in runs that are not over; None: they are being read."""
        ...

    @property
    def commands(self) -> RunCommands:
        """Return what changes runs."""
        ...

    @property
    def past(self) -> "Past":
        """Return what knows of moments, notes and forks."""
        ...

    @property
    def troubles(self) -> Troubles:
        """Return what went wrong while nobody waited for it, and was not told yet."""
        ...

    def now_us(self) -> int:
        """Return the time in UTC."""
        ...
