"""Times and sums as a person reads them at a glance."""

from datetime import UTC, datetime, tzinfo

_SECOND_US = 1_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_DOLLAR_MICROS = 1_000_000
_THOUSAND, _MILLION = 1_000, 1_000_000


def age(at_us: int, now_us: int) -> str:
    """Return how long ago something was, in one unit."""
    seconds = max(0, now_us - at_us) // _SECOND_US
    if seconds < 1:
        return "now"
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def countdown(at_us: int | None, now_us: int) -> str:
    """Return how long it is until then, by the second; nothing where there is no such time."""
    if at_us is None:
        return ""
    seconds = (at_us - now_us) // _SECOND_US
    if seconds <= 0:
        return "expired"
    if seconds >= _DAY_S:
        return f"{seconds // _DAY_S}d {seconds % _DAY_S // _HOUR_S}h"
    if seconds >= _HOUR_S:
        return f"{seconds // _HOUR_S}h {seconds % _HOUR_S // _MINUTE_S:02}m"
    return f"{seconds // _MINUTE_S}:{seconds % _MINUTE_S:02}"


def duration(us: int) -> str:
    """Return a duration, as exact as it is short."""
    if us < _SECOND_US:
        return f"{us / 1000:.0f}ms" if us >= 1_000 else "<1ms"  # noqa: PLR2004 - microseconds
    seconds = us / _SECOND_US
    return f"{seconds:.1f}s" if seconds < _MINUTE_S else f"{int(seconds) // _MINUTE_S}m"


def money(micros: int, *, unknown: bool = False) -> str:
    """Return dollars and cents; a sum that is only a lower bound says so."""
    cents = (micros * 100 + _DOLLAR_MICROS // 2) // _DOLLAR_MICROS
    return f"{'≥' if unknown else ''}{cents // 100}.{cents % 100:02}"


def clock_time(at_us: int, zone: tzinfo | None) -> str:
    """Return the time of day, in a zone or (None) where the person is."""
    at = datetime.fromtimestamp(at_us / _SECOND_US, tz=UTC)
    return f"{at.astimezone(zone):%H:%M:%S}"


def counted(number: int) -> str:
    """Return a count, in thousands or millions once it is long."""
    if number >= 10 * _MILLION:
        return f"{number // _MILLION}M"
    return f"{number // _THOUSAND}k" if number >= 10 * _THOUSAND else f"{number:,}"


def exact_money(micros: int, digits: int, *, unknown: bool = False) -> str:
    """Return dollars with so many digits behind the point, rounded to the nearest."""
    unit = 10 ** (6 - digits)
    whole, rest = divmod((micros + unit // 2) // unit, 10**digits)
    return f"{'≥' if unknown else ''}{whole:,}.{rest:0{digits}}"
