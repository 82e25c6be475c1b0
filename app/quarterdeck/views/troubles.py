"""What went wrong, as sentences for people: what it was, and what they can do."""

import traceback
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from quarterdeck.views.plain import plain, plain_lines
from quarterdeck_kernel.errors import QuarterdeckError, SettingsError

SAID_AGAIN_US: Final = 60_000_000
"""What goes wrong again and again is told once in this time."""
_SEE_TO_IT: Final = "See to that, and try again."
_UNEXPECTED: Final = (
    "Nobody expected this. Try again; if it comes back, "
    "give its details to whoever looks after Quarterdeck."
)


def sentence(error: BaseException) -> str:
    """Return what an error says. Of several that came together the first speaks."""
    error = _first(error)
    match error:
        case SettingsError(problems=(one, *more)):
            return plain(one) + (f"; and {len(more)} more like it" if more else "")
        case QuarterdeckError() | ScreenBrokenError():
            return plain(str(error))
        case OSError(strerror=str(reason)):
            where = f"{plain(str(error.filename))}: " if error.filename is not None else ""
            return f"{where}{plain(reason)}"
        case _:
            return plain(f"{type(error).__name__}: {error}")


def advice(error: BaseException) -> str:
    """Return what to do about an error, unless it says so itself."""
    match _first(error):
        case QuarterdeckError():
            return ""
        case OSError():
            return _SEE_TO_IT
        case _:
            return _UNEXPECTED


def details(error: BaseException) -> str:
    """Return what whoever mends it wants to know: all of it, as text."""
    return plain_lines("".join(traceback.format_exception(error)))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class ScreenBrokenError(Exception):
    """An error in the screen itself has ended it: its cause."""

    def __str__(self) -> str:
        """Return what the cause says."""
        said = sentence(self.__cause__) if self.__cause__ is not None else "nobody knows by what"
        return f"the screen broke: {said}"


class Trouble(NamedTuple):
    """Something that went wrong where nobody waits for it. `text` says what, and what to do."""

    text: str
    details: str
    severity: Literal["warning", "error"]


def failure(what: str, error: BaseException, then: str = "") -> Trouble:
    """Return that something failed; `then` is what to do about it, if that is known better."""
    lines = (f"{what}: {sentence(error)}", then or advice(error))
    return Trouble("\n".join(line for line in lines if line), details(error), "error")


class Troubles:
    """What goes wrong in tasks that nobody waits for, until the screen tells it."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        """Know a clock: what comes again at once is no news."""
        self._now_us = now_us
        self._told_us: dict[str, int] = {}
        self._waiting: deque[Trouble] = deque()

    def tell(self, trouble: Trouble) -> None:
        """Have something told, unless it was a moment ago."""
        now_us = self._now_us()
        self._told_us = {
            text: us for text, us in self._told_us.items() if now_us - us < SAID_AGAIN_US
        }
        if trouble.text not in self._told_us:
            self._told_us[trouble.text] = now_us
            self._waiting.append(trouble)

    def take(self) -> list[Trouble]:
        """Return what has to be told; it is told once."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
