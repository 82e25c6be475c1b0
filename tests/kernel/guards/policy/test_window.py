"""Windows of time: over midnight, on days, on somebody's clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck_kernel.guards.policy.window import Window


def at(text: str, zone: str = "UTC") -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1_000_000)


NIGHT = {"after": "22:00", "before": "06:00"}


@pytest.mark.parametrize(
    ("window", "moment", "is_open"),
    [
        ({"after": "09:00", "before": "17:00"}, "2026-06-01T09:00", True),
        ({"after": "09:00", "before": "17:00"}, "2026-06-01T16:59:59.999999", True),
        ({"after": "09:00", "before": "17:00"}, "2026-06-01T17:00", False),
        ({"after": "09:00"}, "2026-06-01T08:59:59", False),
        ({"after": "09:00"}, "2026-06-01T23:59:59", True),
        ({"before": "09:00"}, "2026-06-01T00:00", True),
        (NIGHT, "2026-06-01T22:00", True),
        (NIGHT, "2026-06-01T03:00", True),
        (NIGHT, "2026-06-01T06:00", False),
        (NIGHT, "2026-06-01T12:00", False),
        # 2026-06-05 is a Friday. Its night ends on Saturday.
        (NIGHT | {"days": ["fri"]}, "2026-06-05T23:00", True),
        (NIGHT | {"days": ["fri"]}, "2026-06-06T05:00", True),
        (NIGHT | {"days": ["fri"]}, "2026-06-05T05:00", False),
        (NIGHT | {"days": ["fri"]}, "2026-06-06T23:00", False),
        ({"days": ["sat", "sun"]}, "2026-06-06T12:00", True),
        ({"days": ["sat", "sun"]}, "2026-06-05T23:59:59", False),
        ({"after": "22:00", "before": "00:00"}, "2026-06-05T23:59", True),
        ({"after": "22:00", "before": "00:00"}, "2026-06-05T00:00", False),
    ],
)
def test_a_moment_is_inside_or_outside(
    window: dict[str, object], moment: str, *, is_open: bool
) -> None:
    assert Window.model_validate(window).open_at(at(moment)) == is_open


def test_the_clock_is_the_one_of_the_zone_in_summer_and_in_winter() -> None:
    window = Window.model_validate({"after": "09:00", "before": "10:00", "zone": "Europe/Berlin"})
    for day in ("2026-01-15", "2026-07-15"):
        assert window.open_at(at(f"{day}T09:30", "Europe/Berlin"))
        assert not window.open_at(at(f"{day}T09:30"))


@given(st.integers(0, 10**16), st.times(), st.times())
def test_a_window_and_the_rest_of_the_day_are_never_open_together(
    at_us: int, after: object, before: object
) -> None:
    if after == before:
        return
    window = Window.model_validate({"after": after, "before": before})
    rest = Window.model_validate({"after": before, "before": after})
    assert window.open_at(at_us) != rest.open_at(at_us)


def test_it_is_said_as_people_say_it() -> None:
    window = Window.model_validate(NIGHT | {"days": ["fri"], "zone": "Europe/Berlin"})
    assert str(window) == "the time is after 22:00 before 06:00 on fri (Europe/Berlin)"
