"""One figure: what was measured, the floor it stands beside, and whether its target is met."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MARKS = {None: "", True: "yes", False: "NO"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound on the ratio to the floor, or on the measured value itself."""

    bound: float
    on: str = "ratio"
    at_least: bool = False

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.bound:g} {'x' if self.on == 'ratio' else ''}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A line of the table. `floor_is` says what the floor did, in the same run."""

    what: str
    measured: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    ratio: float | None = None
    target: Target | None = None

    @property
    def met(self) -> bool | None:
        """Tell whether the target is met; None where there is none."""
        if self.target is None:
            return None
        value = self.ratio if self.target.on == "ratio" else self.measured
        assert value is not None, f"{self.what} has a target on a ratio, and no floor"
        return value >= self.target.bound if self.target.at_least else value <= self.target.bound

    def plain(self) -> dict[str, object]:
        """Return what is kept as JSON."""
        return {
            "what": self.what,
            "measured": rounded(self.measured),
            "unit": self.unit,
            "floor": rounded(self.floor),
            "floor_is": self.floor_is,
            "ratio": rounded(self.ratio),
            "target": str(self.target) if self.target else None,
            "target_on": self.target.on if self.target else None,
            "met": self.met,
        }


def rounded(value: float | None) -> float | None:
    """Return four significant digits: more would be noise in a diff."""
    return None if value is None else float(f"{value:.4g}")


def paired(
    what: str,
    ours: Sequence[float],
    floors: Sequence[float],
    floor_is: str,
    *,
    unit: str = "µs",
    target: Target | None = None,
) -> Figure:
    """Return the figure of rounds in which ours and the floor took turns.

    The ratio is the median of the rounds' ratios, so that what slowed a whole round is in both.
    """
    return Figure(
        what=what,
        measured=median(ours),
        unit=unit,
        floor=median(floors),
        floor_is=floor_is,
        ratio=median([a / b for a, b in zip(ours, floors, strict=True)]),
        target=target,
    )


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as text, each floor explained once below."""
    head = ("what", "measured", "floor", "ratio", "target", "met")
    notes = list(dict.fromkeys(figure.floor_is for figure in figures if figure.floor_is))
    rows = [head, *[_cells(figure, notes) for figure in figures]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", *[f"[{n}] {note}" for n, note in enumerate(notes, 1)]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [
        cell.ljust(width) if column in {0, 4} else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join([first, *others]).rstrip()


def _cells(figure: Figure, notes: Sequence[str]) -> tuple[str, ...]:
    floor = ""
    if figure.floor is not None:
        floor = f"{_number(figure.floor)} [{notes.index(figure.floor_is) + 1}]"
    target = ""
    if figure.target is not None:
        unit = "" if figure.target.on == "ratio" else f" {figure.unit}"
        target = f"{figure.target}{unit}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.4g} x"
    measured = f"{_number(figure.measured)} {figure.unit}"
    return (figure.what, measured, floor, ratio, target, MARKS[figure.met])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
