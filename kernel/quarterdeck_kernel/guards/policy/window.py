"""Windows of time: in which hours, on which days a rule holds."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from quarterdeck_kernel.vocabulary.model import Value

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_DAYS: Final[tuple[Day, ...]] = get_args(Day)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _time_of_day(given: object) -> object:
    if isinstance(given, str | time):
        return given
    raise ValueError(f'{given!r} is no time of day; write "22:00"')


def _without_zone(moment: time) -> time:
    if moment.tzinfo is not None:
        raise ValueError("a time of day has no zone of its own; set `zone`")
    return moment


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from difflib import get_close_matches  # noqa: PLC0415 - for a message only

        near = get_close_matches(name, sorted(available_timezones()), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name!r} is no time zone this machine knows{hint}") from None
    return name


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), AfterValidator(_without_zone)]


class Window(Value):
    """From `after` until `before`, on some days. A window over midnight belongs to its first day.

    One without times is the whole day; the last moment is not part of it.
    """

    after: TimeOfDay | None = Field(default=None, description='Where it begins: "22:00".')
    before: TimeOfDay | None = Field(default=None, description='Where it ends: "06:00".')
    days: tuple[Day, ...] = Field(default=(), description="On which days it begins; all if empty.")
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description='Whose clock it is: "Europe/Berlin".'
    )

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.after is None and self.before is None and not self.days:
            raise ValueError("a window needs `after`, `before` or `days`")
        if self.after is not None and self.after == self.before:
            raise ValueError("a window that begins when it ends is empty; leave both out for a day")
        return self

    def open_at(self, at_us: int) -> bool:
        """Tell whether a moment, in microseconds since 1970, is in it."""
        moment = (_EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(self.zone))
        now, today = moment.time(), moment.date()
        after, before = self.after or time.min, self.before
        if before is None or after < before:
            inside = after <= now and (before is None or now < before)
            return inside and self._begins(today)
        if now >= after:
            return self._begins(today)
        return now < before and self._begins(today - timedelta(days=1))

    def _begins(self, day: date) -> bool:
        return not self.days or _DAYS[day.weekday()] in self.days

    def __str__(self) -> str:
        """Return it as people say it."""
        after = f" after {self.after:%H:%M}" if self.after else ""
        before = f" before {self.before:%H:%M}" if self.before else ""
        days = f" on {', '.join(self.days)}" if self.days else ""
        return f"the time is{after}{before}{days} ({self.zone})"
