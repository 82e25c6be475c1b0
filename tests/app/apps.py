"""The app as tests run it: a frozen source, UTC, nothing that moves."""

from collections.abc import Hashable
from dataclasses import replace
from datetime import UTC
from typing import Any

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from quarterdeck.app import Leave, QuarterdeckApp
from quarterdeck.views.decisions import Clerk
from quarterdeck.views.glimpse import Source
from quarterdeck.views.preferences import Preferences
from quarterdeck.widgets.deck import Setup
from tests.app.frozen import FrozenSource, fleet

_PARSED: dict[Hashable, list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules


def _parsed_once(self: Stylesheet, css: str, *args: Any, **kwargs: Any) -> list[RuleSet]:  # noqa: ANN401 - Textual's
    """Read each style sheet once for all apps: that was two fifths of the time of their tests."""
    key = (css, args, *sorted(kwargs.items()), *sorted(self._variables.items()))
    if key not in _PARSED:
        _PARSED[key] = _parse_rules(self, css, *args, **kwargs)
    return _PARSED[key]


Stylesheet._parse_rules = _parsed_once  # type: ignore[method-assign]


def still_app(
    source: Source | None = None,
    *,
    theme: str = "night",
    setup: Setup | None = None,
    leave: Leave | None = None,
    clerk: Clerk | None = None,
    hints: bool = False,
) -> QuarterdeckApp:
    """Return the app. What is under test is seldom a hint, which would be in every picture."""
    setup = setup or Setup(preferences=Preferences(theme=theme))
    setup = replace(setup, preferences=replace(setup.preferences, hints=hints))
    app = QuarterdeckApp(source or fleet(), zone=UTC, setup=setup, leave=leave, clerk=clerk)
    app.animation_level = "none"
    return app


def driving(runs: int) -> FrozenSource:
    source = fleet()
    source.shown = replace(source.shown, driven_here=runs)
    return source


async def pressed(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one after the other, each seen before the next."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def ticked(pilot: Pilot[None]) -> None:
    """Let the app's next tick come now, whatever the machine is busy with."""
    assert isinstance(pilot.app, QuarterdeckApp)
    pilot.app._tick()
    await pilot.pause()
