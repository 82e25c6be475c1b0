"""Reads the workspace for the screen, in tasks of its own, and keeps what was read.

The only holder of a store in the app. Screens never wait for it: they take what is there, and what
is missing is read and shows at the next revision.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from quarterdeck.kernel_link.books import Books
from quarterdeck.kernel_link.driving import Driving, Leaving
from quarterdeck.kernel_link.gists import Gists
from quarterdeck.kernel_link.moments import WishedMoments
from quarterdeck.kernel_link.muster import Muster
from quarterdeck.kernel_link.pages import PAGE_EVENTS, Page, PageKey, longer
from quarterdeck.kernel_link.past import KernelPast
from quarterdeck.kernel_link.roll import Grants, crew_of, servers_of
from quarterdeck.kernel_link.run_commands import KernelCommands
from quarterdeck.kernel_link.spending import Spending
from quarterdeck.kernel_link.surveys import Surveys
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.books import Grouping, LedgerPage, Span
from quarterdeck.views.crew import Crew, GrantOf
from quarterdeck.views.glimpse import Glimpse, SpentToday
from quarterdeck.views.troubles import Troubles, failure, sentence
from quarterdeck.views.work import Tell, Work
from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.errors import QuarterdeckError, StoreClosedError
from quarterdeck_kernel.vocabulary.budgets import NO_BUDGETS, Budgets, day_of

if TYPE_CHECKING:
    from quarterdeck.kernel_link.clerk import Desk, Facade
    from quarterdeck.views.decisions import Decision
    from quarterdeck.views.log_line import LogLine
    from quarterdeck.views.matter import Matter
    from quarterdeck.views.sought import Sought
    from quarterdeck.views.timeline import Survey
    from quarterdeck_kernel import Actor, Decisions, Event, EventStore, RunState

_INBOX_ROWS = 500
_PAGES = 24
_TAILS = 2
_LOOK_EVERY_S = 0.1
_LOOK_AT_MANY_EVERY_S = 0.25
_MANY_A_SECOND = 200
"""Nobody can read so many events: the screen follows them in larger steps, for half the work."""
_UNDECIDED = "Nothing can be decided here: quit, and open the workspace again."
_SILENCE_S = 1.0
"""A driver's death is no event: without news the fleet is read anew this often."""


class KernelLink:
    """Implements `views.glimpse.Source` and `views.decisions.Clerk` over a workspace.

    `run` must be running. `facade` makes what decides; a kernel made there can ask its tools'
    probes, and does so as `actor` like all that is decided here. `driving` brings such a kernel,
    with all that the workspace's settings name, and drives runs by it.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        clock: Clock | None = None,
        facade: "Facade | None" = None,
        actor: "Actor | None" = None,
        driving: Driving | None = None,
    ) -> None:
        """Know the workspace; nothing is opened before `run`."""
        self._driving = driving
        self._books, self._grants = Books(), Grants()
        self._gists, self._spending = Gists(), Spending()
        self._crew = Crew()
        self._ended = asyncio.Event()
        self._workspace = workspace
        self._clock = clock or SystemClock()
        self.troubles = driving.troubles if driving is not None else Troubles(self._clock.now_us)
        self._facade = facade
        self._actor = actor
        self._seen, self._staffed = asyncio.Event(), asyncio.Event()
        self._desk: Desk | None = None
        self._wanted_matters: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._glimpse = Glimpse()
        self._revision = 0
        self._pages: OrderedDict[PageKey, Page] = OrderedDict()
        self._wanted: OrderedDict[PageKey, None] = OrderedDict()
        self._asked = asyncio.Event()
        self._moments = WishedMoments()
        self._surveys = Surveys()
        self._muster = Muster()
        self._store: EventStore | None = None
        self._looked_at: str | None = None
        self.past = KernelPast(self._decisions, workspace, self._clock)
        self.commands = KernelCommands(self._decisions, driving)

    async def _decisions(self) -> "Decisions":
        return (await self._open_desk()).decisions

    async def _open_desk(self) -> "Desk":
        """Return what decides; who decides in the first moment waits until it was brought in."""
        if self._store is not None:
            await self._staffed.wait()
        if self._desk is None:
            raise StoreClosedError(
                "the workspace is not open (any more), so nothing was decided; open it again"
            )
        return self._desk

    @property
    def revision(self) -> int:
        """Return a number that rises with everything new."""
        return self._revision

    def glimpse(self) -> Glimpse:
        """Return what was last read."""
        return self._glimpse

    def now_us(self) -> int:
        """Return the time in UTC."""
        return self._clock.now_us()

    def line(self, run_id: str, seq: int) -> "LogLine | None":
        """Return a line of a run's log, or ask for its page."""
        page, place = self._page(run_id, seq)
        return page.lines[place] if page is not None else None

    def event(self, run_id: str, seq: int) -> "Event | None":
        """Return an event whole, or ask for its page."""
        page, place = self._page(run_id, seq)
        return page.events[place] if page is not None else None

    def _page(self, run_id: str, seq: int) -> tuple[Page | None, int]:
        """Return the page of an event and its place there; None: it has to be read."""
        number, place = divmod(seq - 1, PAGE_EVENTS)
        key = (run_id, number)
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
            if place < len(page.lines):
                return page, place
        self._wanted[key] = None
        self._asked.set()
        return None, place

    def state(self, run_id: str, seq: int) -> "RunState | None":
        """Return the state of a run behind an event, or ask for it."""
        return self._moments.state(run_id, seq)

    def survey(self, run_id: str) -> "Survey":
        """Return what is known of the line of a run; it is the one that is looked at."""
        self._looked_at = run_id
        row = self._glimpse.row(run_id)
        return self._surveys.survey(run_id, row.head_seq if row is not None else 0)

    async def read_survey(self, run_id: str, work: Work) -> None:
        """Read the line of a run to its end."""
        if self._store is not None:
            async for _ in self._surveys.pages(self._store, run_id, work):
                self._revision += 1

    async def seek(self, run_id: str, sought: "Sought", work: Work) -> int | None:
        """Return the number of the nearest event that fits."""
        if self._store is None:
            return None
        from quarterdeck.kernel_link.seeking import seek

        return await seek(self._store, run_id, sought, work)

    def ledger(self, grouping: Grouping, span: Span) -> LedgerPage | None:
        """Return a page of the ledger as it was read last, or ask for it."""
        day = day_of(self._clock.now_us())
        return self._books.page(grouping, span, self._glimpse.position, day)

    def gist(self, run_id: str, seq: int) -> str | None:
        """Return what an event is about, or ask for it."""
        return self._gists.gist(self._glimpse, run_id, seq)

    def spent_today(self) -> SpentToday | None:
        """Return what was spent today as it was read last, or ask for it."""
        day = self._budgets().day(self._clock.now_us())
        return self._spending.today(self._glimpse.position, day)

    def crew(self) -> Crew:
        """Return who works here, and with what; servers as they fare now."""
        kernel = self._driving.kernel if self._driving is not None else None
        if kernel is None or not self._crew.servers:
            return self._crew
        return replace(self._crew, servers=servers_of(kernel.equipment))

    def grants(self) -> tuple[GrantOf, ...] | None:
        """Return the grants that stand, or ask for them."""
        return self._grants.standing(self._glimpse)

    # -- what is decided

    def matter(self, run_id: str, item_id: str) -> "Matter | None":
        """Return an item of the inbox whole, or ask for it."""
        name = (run_id, item_id)
        found = self._desk.matter(name) if self._desk is not None else None
        if found is None:
            self._wanted_matters[name] = None
            self._asked.set()
        return found

    async def decide(self, decision: "Decision") -> str:
        """Put a decision on record; return what stands there now."""
        desk = await self._open_desk()
        try:
            return await desk.decide(decision)
        finally:
            # What is on record shows at once; if it cannot be read now, the watch reads it.
            with suppress(QuarterdeckError):
                await desk.read((decision.run_id, decision.item_id))
            self._revision += 1

    # -- reading

    async def run(self) -> None:
        """Read until cancelled. Raises only if the workspace cannot be opened, or closed."""
        try:
            await self._read()
        except Exception as error:
            self._glimpse = replace(self._glimpse, trouble=sentence(error))
            self._revision += 1
            raise

    async def _read(self) -> None:
        store = await self._workspace.open()
        self._store = store
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(store))
                group.create_task(self._read_on(store, group))
        finally:
            self._store = None
            desk, self._desk = self._desk, None
            self._staffed.set()
            try:
                await (desk or store).close()
            finally:
                self._ended.set()

    async def _read_on(self, store: "EventStore", group: asyncio.TaskGroup) -> None:
        """Begin with all that the first frame does not show, as soon as that is there.

        Most of the kernel is imported for it. Until then nothing can be decided.
        """
        await self._seen.wait()
        try:
            self._desk = (await asyncio.to_thread(_desk_kind))(store, self._facade, self._actor)
        except Exception as error:  # noqa: BLE001 - people are told, and look on
            self.troubles.tell(failure("opening the desk", error, _UNDECIDED))
        self._staffed.set()
        self._revision += 1
        readers: dict[str, Callable[[], Awaitable[None]]] = {
            "reading a log": lambda: self._read_what_is_asked_for(store),
            "folding a moment": lambda: self._moments.fold_next(store),
            "reading a timeline": lambda: self._surveys.read_next(store),
            "reading the past": lambda: self.past.read_next(store),
            "reading what events are about": lambda: self._gists.read_next(store),
            "reading the spend of the day": lambda: self._spending.read_next(store, self._budgets),
            "reading grants": lambda: self._grants.read_next(store),
            "reading the ledger": lambda: self._books.read_next(store, self._budgets),
        }
        for what, read in readers.items():
            group.create_task(self._again(what, read))
        if self._driving is not None and self._desk is not None:
            group.create_task(self._drive(store, self._driving))

    def _budgets(self) -> Budgets:
        kernel = self._driving.kernel if self._driving is not None else None
        return kernel.budgets if kernel is not None else NO_BUDGETS

    async def leave(self, leaving: Leaving, tell: Tell | None = None) -> None:
        """Part with the runs that are driven here."""
        if self._driving is not None:
            await self._driving.leave(leaving, tell)

    async def ended(self) -> None:
        """Wait until `run`, if it ever began, has closed everything."""
        if self._store is not None:
            await self._ended.wait()

    async def _drive(self, store: "EventStore", driving: Driving) -> None:
        """Equip the workspace, decide with its tools from then on, and drive its runs.

        Whatever goes wrong with that is told by who drives; looking and deciding go on.
        """
        kernel = await driving.equip(store)
        if kernel is None:
            self._crew = Crew(trouble=driving.trouble)
        else:
            self._crew = crew_of(kernel)
            self._books.forget()
            self._spending.forget()
            self._desk = _desk_kind()(store, lambda _: kernel, self._actor)
        self._revision += 1
        await driving.drive()

    async def _again(self, what: str, read: Callable[[], Awaitable[None]]) -> None:
        """Read what was asked for, for ever; what goes wrong is told, and tried again."""
        while True:
            try:
                await read()
            except Exception as error:  # noqa: BLE001 - no reader ends the others
                self._stumble(what, error)
                await asyncio.sleep(_LOOK_EVERY_S)
            self._revision += 1

    def _stumble(self, what: str, error: Exception) -> None:
        """Say in the status what the store refuses, and in a notice what nobody expected."""
        if isinstance(error, QuarterdeckError):
            self._glimpse = replace(self._glimpse, trouble=str(error))
        else:
            self.troubles.tell(failure(what, error))

    async def _watch(self, store: "EventStore") -> None:
        position, pause_s = -1, _LOOK_EVERY_S
        while True:
            try:
                # Until all runs were read once, nothing is waited for.
                patience_s = 0.0 if self._glimpse.more else _SILENCE_S
                await store.wait(after=position, timeout_s=patience_s)
                glimpse = await _look(store, self._muster, self._looked_at)
                if self._driving is not None:
                    glimpse = replace(glimpse, driven_here=self._driving.driven)
                await self._read_tails(store, glimpse)
                fresh = self._desk is not None and await self._desk.look_again()
                came = glimpse.position - position if position >= 0 else 0
                position, pause_s = glimpse.position, look_after_s(came, pause_s)
            except Exception as error:  # noqa: BLE001 - who looks on is told that it is old
                self._stumble("reading the fleet", error)
                glimpse, fresh = replace(self._glimpse, trouble=sentence(error)), False
            if fresh or glimpse != self._glimpse:
                self._glimpse = glimpse
                self._revision += 1
            # However fast events come, the screen is painted ten times a second at most.
            await asyncio.sleep(pause_s)
            self._seen.set()

    async def _read_tails(self, store: "EventStore", glimpse: Glimpse) -> None:
        """Read what came to the logs on the screen first, so that a new line is never blank."""
        for key, page in list(self._pages.items())[-_TAILS:]:
            run_id, number = key
            row = glimpse.row(run_id)
            end = min((number + 1) * PAGE_EVENTS, row.head_seq if row is not None else 0)
            if page.next_seq <= end:
                self._pages[key] = await longer(store, key, page)

    async def _read_what_is_asked_for(self, store: "EventStore") -> None:
        """Wait for a wish, and read it."""
        await self._asked.wait()
        # The newest wish first: after a jump nobody waits for what was scrolled past.
        if self._wanted_matters and self._desk is not None:
            await self._desk.read(self._wanted_matters.popitem()[0])
        elif self._wanted:
            key, _ = self._wanted.popitem()
            self._pages[key] = await longer(store, key, self._pages.get(key))
            while len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        else:
            self._asked.clear()


async def _look(store: "EventStore", muster: Muster, looked_at: str | None) -> Glimpse:
    fleet = await muster.look(store)
    beside = None
    if looked_at is not None and all(row.run_id != looked_at for row in fleet.rows):
        beside = (await store.projections(looked_at)).fleet
    inbox = await store.inbox(limit=_INBOX_ROWS)
    checkpoint = await store.checkpoint()
    return Glimpse(
        rows=fleet.rows,
        more=fleet.more,
        inbox=inbox.rows,
        position=checkpoint.position,
        link=checkpoint.link,
        loaded=True,
        looked_at=beside,
    )


def look_after_s(came: int, pause_s: float) -> float:
    """Return when to look again, if so many events came in the pause before."""
    return _LOOK_AT_MANY_EVERY_S if came > _MANY_A_SECOND * pause_s else _LOOK_EVERY_S


def _desk_kind() -> "type[Desk]":
    """Import what decides, and most of the kernel with it: in a thread, for people look on."""
    from quarterdeck.kernel_link.clerk import Desk

    return Desk
