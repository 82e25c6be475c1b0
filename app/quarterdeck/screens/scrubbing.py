"""What can be done with a run's past from its screen: play it, mark it, compare, fork.

The position is the log's cursor and nobody's else. What is read or recorded for it is read and
recorded beside the screen, which stays as it is meanwhile.
"""

from datetime import tzinfo
from functools import partial
from typing import Literal

from quarterdeck.dialogs.base import Choice
from quarterdeck.dialogs.picking import Pick, PickDialog, Picked
from quarterdeck.dialogs.planning import PlanDialog
from quarterdeck.dialogs.text import Field, Values
from quarterdeck.messages import SpotsWanted
from quarterdeck.screens.keeping import Keeping
from quarterdeck.screens.sheet import Sheet, SheetScreen
from quarterdeck.views.comparing import Candidate, candidates, compare_page, in_order
from quarterdeck.views.forking import fork_problem, plan_text, read_changes, recorded_result
from quarterdeck.views.glimpse import Source
from quarterdeck.views.inspection import Spot
from quarterdeck.views.lens import Lens
from quarterdeck.views.pages import Page, between_page
from quarterdeck.views.plain import plain
from quarterdeck.views.playback import Playback, another_speed, play
from quarterdeck.views.timeline import Marks
from quarterdeck.views.work import Work
from quarterdeck.widgets.deck import deck
from quarterdeck_kernel import ForkChanges, ForkPlan

Panel = Literal["event", "conversation", "files", "state"]
PANELS: tuple[Panel, ...] = ("event", "conversation", "files", "state")


class Scrubbing(Keeping):
    """A screen of one run, through whose past one goes."""

    def __init__(self, source: Source, run_id: str, *, zone: tzinfo | None) -> None:
        """Begin without marks."""
        super().__init__(source, run_id, zone=zone)
        self._lens = Lens()
        self._mark_a: int | None = None
        self._mark_b: int | None = None
        self._playback: Playback | None = None
        self._speed = 1
        self._played = 0

    def open_run(self, run_id: str, seq: int | None = None) -> None:
        """Open a run upon this one, at an event of it."""
        raise NotImplementedError

    # -- playing

    @property
    def playing(self) -> int:
        """Return how fast it plays; 0: it does not."""
        return self._speed if self._playback is not None else 0

    def tick(self) -> None:
        """Play on."""
        if self._playback is not None and self.ready:
            self._play_on(self._playback)
        super().tick()

    def _play_on(self, playback: Playback) -> None:
        if self.position != self._played:
            # Somebody went elsewhere, and wants to look at that.
            self._stop()
            return
        survey = self.source.survey(self._run_id)
        reached = playback.position(survey, deck(self).monotonic_s())
        reached = max(self._played, min(reached, self.head_seq))
        if reached != self._played:
            self._played = reached
            self.go_to(reached)
        if reached == self.head_seq:
            self._stop()

    def _stop(self) -> None:
        self._playback = None
        self.show_again()

    def toggle_play(self) -> None:
        """Play from here, or stop; at the newest event from the first."""
        if self._playback is not None:
            self._stop()
        elif self.position:
            if self.position == self.head_seq:
                self.jump(1)
            self._begin()

    def _begin(self) -> None:
        survey, now_s = self.source.survey(self._run_id), deck(self).monotonic_s()
        self._played = self.position
        self._playback = play(survey, self.position, self._speed, now_s)
        if self._playback is None:
            deck(self).notice("the timeline is still being read")
        self.show_again()

    def set_speed(self, step: int) -> None:
        """Play faster, or slower."""
        self._speed = another_speed(self._speed, step)
        if self._playback is not None:
            self._begin()
        else:
            self.show_again()

    # -- marks

    def marks(self) -> Marks:
        """Return what a person has put upon the run."""
        seqs = tuple(dict.fromkeys(mark.seq for mark in self.source.past.bookmarks(self._run_id)))
        return Marks(self._mark_a, self._mark_b, seqs, self._hits)

    def action_mark(self, which: Literal["a", "b"]) -> None:
        """Set a mark here; where it is already, take it away."""
        here = self.position or None
        if which == "a":
            self._mark_a = None if self._mark_a == here else here
        else:
            self._mark_b = None if self._mark_b == here else here
        self.show_again()

    # -- differences

    def action_diff(self) -> None:
        """Show what changed from A to B, from a mark to here, or with the event here."""
        ends = self._ends()
        if ends is None:
            return
        before, after = ends

        async def show(_work: Work) -> None:
            between = await self.source.past.between(self._run_id, before, after)
            title = f"from #{before:,} to #{after:,}"
            self._show_sheet("diff", title, between_page(self._run_id, between))

        deck(self).work(f"comparing #{before:,} with #{after:,}", show)

    def _ends(self) -> tuple[int, int] | None:
        here, a, b = self.position, self._mark_a, self._mark_b
        if not here:
            return None
        if a is not None and b is not None:
            ends = (a, b)
        elif (mark := a or b) is not None:
            ends = (mark, here)
        else:
            ends = (here - 1, here)
        if ends[0] == ends[1] or ends[0] < 1:
            deck(self).notice("there is nothing before it to compare with; m and M set marks")
            return None
        # From the earlier to the later, whichever was marked first.
        return min(ends), max(ends)

    def _show_sheet(self, place: str, title: str, page: Page) -> None:
        if self.is_current:
            row = self.source.glimpse().row(self._run_id)
            about = f"{plain(row.run_id)}  {plain(row.objective)}" if row is not None else ""
            sheet = Sheet(place, title, about, page)
            screen = SheetScreen(self.source, sheet, go=self._open_spot, zone=self._zone)
            self.app.call_later(self.app.push_screen, screen)

    def _open_spot(self, spot: Spot) -> None:
        # Upon what it was chosen from, so that Esc leads back there.
        self.open_run(spot.run_id, spot.seq)

    def on_spots_wanted(self, message: SpotsWanted) -> None:
        """Go to the event that a line of this moment is about."""
        self.jump(message.spots[0].seq)

    def action_compare(self) -> None:
        """Compare with another run: its parent first, then whichever is chosen."""
        found = candidates(self.source.glimpse().rows, self._run_id)
        if not found:
            deck(self).notice("there is no other run to compare with")
            return
        picks = [_pick_of_run(one) for one in found]
        choices = (Choice("no", "Cancel"), Choice("go", "Compare"))

        def chosen(picked: Picked | None) -> None:
            if picked is not None:
                self._compare_with(found[picked.number])

        self._open(PickDialog("Compare with", picks, choices, enter="go"), chosen)

    def _compare_with(self, other: Candidate) -> None:
        row = self.source.glimpse().row(self._run_id)
        if row is None:
            return
        a, b = in_order(row, other.row)

        async def show(_work: Work) -> None:
            found = await self.source.past.compare(a, b)
            self._show_sheet("compare", f"{plain(a)} and {plain(b)}", compare_page(found))

        deck(self).work(f"comparing {plain(a)} with {plain(b)}", show)

    # -- forks

    def action_fork(self) -> None:
        """Say what a fork here comes to, ask what is to be another, and begin it."""
        seq = self.position
        if not seq:
            return

        async def ask(_work: Work) -> None:
            plan = await self.source.past.plan(self._run_id, seq, ForkChanges())
            if self.is_current:
                self._ask_fork(plan)

        deck(self).work("planning a fork", ask)

    def _ask_fork(self, plan: ForkPlan) -> None:
        seq, row = plan.seq, self.source.glimpse().row(self._run_id)
        state = self.source.state(self._run_id, seq)
        objective = row.objective if row is not None else ""
        model = (state.conditions.model if state is not None else None) or ""
        result = recorded_result(self.source.event(self._run_id, seq))
        fields = [
            Field("objective", "Objective", objective),
            Field("model", "Model", model),
            Field("message", "Message", "", "none; or: what the agent is told first"),
            Field("tools", "Tools", "", "as they are; or: allow …, deny …, all"),
        ]
        if result is not None:
            fields.append(Field("result", "Result", *result))
        read = partial(
            read_changes,
            objective=objective,
            model=model,
            result=result.text if result is not None else "",
        )

        async def planned(said: Values) -> str:
            return plan_text(await self.source.past.plan(self._run_id, seq, read(said)))

        dialog = PlanDialog(
            f"Fork at #{seq:,} of {plan.head_seq:,}",
            tuple(fields),
            decide="Fork here",
            text=plan_text(plan),
            plan=planned,
            problem=fork_problem,
        )

        def begin(said: Values) -> None:
            async def do(_work: Work) -> None:
                fork_id = await self.source.past.fork(self._run_id, seq, read(said))
                deck(self).notice(f"forked at #{seq:,}: run {plain(fork_id)}")
                if self.is_current:
                    self.open_run(fork_id)

            deck(self).work("forking", do)

        self._form(dialog, begin)


def _pick_of_run(one: Candidate) -> Pick:
    row = one.row
    meaning = f"{row.agent}: {row.objective}"
    return Pick(f"{row.run_id}  {row.objective}", one.why, meaning)
