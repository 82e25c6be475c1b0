"""Messages between widgets and screens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from quarterdeck.views.inspection import Spot


@dataclass
class RunPicked(Message):
    """The cursor of the fleet came to another run."""

    run_id: str


@dataclass
class RunOpened(Message):
    """Somebody wants to see a run's log whole."""

    run_id: str


@dataclass
class EventPicked(Message):
    """The cursor of a log came to another event, or the log follows the newest again."""

    seq: int
    live: bool


@dataclass
class SpotsWanted(Message):
    """Somebody wants to see an event that a line is about, or one of several."""

    spots: "tuple[Spot, ...]"


@dataclass
class StepWanted(Message):
    """Somebody steps along the timeline."""

    step: int


@dataclass
class PlaceWanted(Message):
    """Somebody points at an event of the timeline."""

    seq: int


@dataclass
class LiveWanted(Message):
    """Somebody points at what came since."""


@dataclass
class PlayWanted(Message):
    """Somebody wants to see the run go on from here, or to stop it."""


@dataclass
class ZoomWanted(Message):
    """Somebody wants to see less of the run, larger (1); or more (-1)."""

    step: int


@dataclass
class SpeedWanted(Message):
    """Somebody wants to play faster (1), or slower (-1)."""

    step: int


@dataclass
class ItemOpened(Message):
    """Somebody wants to see an item of the inbox whole."""

    run_id: str
    item_id: str


@dataclass
class RunsChosen(Message):
    """Other runs are selected, or they are ordered another way."""


@dataclass
class NewRunWanted(Message):
    """Somebody wants to start a run."""


@dataclass
class RevokeWanted(Message):
    """Somebody wants to take the grant under the cursor back."""
