"""Which rows of the fleet are shown, in which order: sub-agents and forks stand under their parent.

A family stands where its most pressing member would, so that no fold and no parent hides a need.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from quarterdeck.views.fleet_filter import EVERYTHING, Filter
from quarterdeck.views.states import MARKS
from quarterdeck_kernel.vocabulary.rows import FleetRow
from quarterdeck_kernel.vocabulary.words import Need

ORDERS = ("need", "age", "cost", "agent")
"""What the fleet may be ordered by, in the order that `o` goes through."""
ORDER_WORDS = {"need": "need", "age": "newest first", "cost": "cost", "agent": "agent"}

_PRESSING: tuple[Need, ...] = ("unknown", "waiting", "failed", "timed_out", "adrift")

Key = tuple[Any, ...]
_KEYS: dict[str, Callable[[FleetRow, int], Key]] = {
    # By need is the store's own order: it knows which runs are adrift.
    "need": lambda _, place: (place,),
    "age": lambda row, place: (-row.created_us, place),
    "cost": lambda row, place: (-row.cost_micros, place),
    "agent": lambda row, place: (row.agent, place),
}


class Branch(NamedTuple):
    """Where a row stands: how deep below another, and what is folded away under it."""

    depth: int = 0
    children: int = 0
    folded: int = 0
    inside: str = ""
    fork: bool = False

    @property
    def stem(self) -> str:
        """Return what is drawn before the row's agent; a fork has the sign of forks."""
        sign = f"+{self.folded} " if self.folded else ""
        below = "└Y" if self.fork else "└"
        return f"{' ' * (self.depth - 1)}{below} {sign}" if self.depth else sign


class Arranged(NamedTuple):
    """The ids to be shown in order, where each stands, and those that the filter left out."""

    ids: list[str]
    branches: dict[str, Branch]
    dimmed: frozenset[str] = frozenset()
    fitting: int = 0


ALONE = Branch()


def arranged(
    rows: Iterable[FleetRow],
    *,
    order: str = "need",
    wanted: Filter = EVERYTHING,
    folded: Collection[str] = (),
    kept: str | None = None,
) -> Arranged:
    """Arrange rows that come by need: those that fit, and the one `kept` if it does not."""
    rows = list(rows)
    of, places = _KEYS[order], {row.run_id: place for place, row in enumerate(rows)}
    fitting = [row for row in rows if wanted.fits(row)] if wanted.conditions else rows
    count = len(fitting)
    dimmed = frozenset[str]()
    if count < len(rows) and kept is not None and all(row.run_id != kept for row in fitting):
        late = [row for row in rows if row.run_id == kept]
        fitting, dimmed = [*fitting, *late], frozenset(row.run_id for row in late)

    def key(row: FleetRow) -> Key:
        return of(row, places[row.run_id])

    if all(row.parent_run_id is None and row.fork_of is None for row in fitting):
        return Arranged([row.run_id for row in sorted(fitting, key=key)], {}, dimmed, count)
    return _Tree(fitting, key).arranged(folded)._replace(dimmed=dimmed, fitting=count)


class _Tree:
    """Rows under what they are forks of, else under their parents; who is not there is none."""

    def __init__(self, rows: list[FleetRow], key: Callable[[FleetRow], Key]) -> None:
        self._rows = {row.run_id: row for row in rows}
        self._under: defaultdict[str | None, list[str]] = defaultdict(list)
        for row in rows:
            over = (run_id for run_id in (row.fork_of, row.parent_run_id) if run_id in self._rows)
            self._under[next(over, None)].append(row.run_id)
        self._keys = {row.run_id: key(row) for row in rows}

    def arranged(self, folded: Collection[str]) -> Arranged:
        """Return the rows, family by family, the deeper families first put in order."""
        walk = [*self._walk(self._under[None])]
        for run_id in reversed(walk):
            members = (self._keys[child] for child in self._under[run_id])
            self._keys[run_id] = min([self._keys[run_id], *members])
        ids: list[str] = []
        branches: dict[str, Branch] = {}
        stack = [(run_id, 0) for run_id in self._sorted(self._under[None])]
        while stack:
            run_id, depth = stack.pop()
            children = self._under[run_id]
            fork = self._rows[run_id].fork_of in self._rows
            ids.append(run_id)
            if run_id in folded and children:
                inside = [*self._walk(children)]
                needs = self._needs(inside)
                branches[run_id] = Branch(depth, len(children), len(inside), needs, fork)
                continue
            if depth or children:
                branches[run_id] = Branch(depth, len(children), fork=fork)
            stack += [(child, depth + 1) for child in self._sorted(children)]
        return Arranged(ids, branches)

    def _sorted(self, ids: list[str]) -> list[str]:
        """Return them with the first last, as a stack wants them."""
        return sorted(ids, key=self._keys.__getitem__, reverse=True)

    def _walk(self, ids: list[str]) -> Iterable[str]:
        stack = [*ids]
        while stack:
            run_id = stack.pop()
            yield run_id
            stack += self._under[run_id]

    def _needs(self, ids: list[str]) -> str:
        counts = Counter(self._rows[run_id].need for run_id in ids)
        said = [f"{counts[need]} {MARKS[need].word}" for need in _PRESSING if counts[need]]
        return ", ".join(said)
