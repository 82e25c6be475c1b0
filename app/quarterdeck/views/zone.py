"""The zone that times are shown in, which may change while they are shown."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from quarterdeck.views.preferences import Times
from quarterdeck.views.quantities import age


class ShownZone(tzinfo):
    """Where the person is (or `home`), or UTC: whoever holds it shows times as is preferred now."""

    def __init__(self, home: tzinfo | None = None) -> None:
        """Begin at home."""
        self._home = home
        self.utc = False

    def fromutc(self, at: datetime) -> datetime:
        """Return a time in UTC as it is shown."""
        return at.replace(tzinfo=UTC).astimezone(UTC if self.utc else self._home)

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        """Return how far the zone is from UTC then."""
        if self.utc:
            return timedelta(0)
        if self._home is not None:
            return self._home.utcoffset(at)
        return (at or datetime.now(UTC)).replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _at: datetime | None) -> timedelta | None:
        """Tell nothing about summers."""
        return None

    def tzname(self, _at: datetime | None) -> str:
        """Return what it is called."""
        return "UTC" if self.utc else "local"


class Now(NamedTuple):
    """The time, and how times before it are told."""

    us: int
    times: Times = "relative"
    zone: tzinfo | None = None

    def ago(self, at_us: int) -> str:
        """Return when something was in five cells: how long ago, or the time, or the day."""
        if self.times == "relative":
            return age(at_us, self.us)
        at, now = (
            datetime.fromtimestamp(us // 1_000_000, tz=UTC).astimezone(self.zone)
            for us in (at_us, self.us)
        )
        return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%m-%d}"
