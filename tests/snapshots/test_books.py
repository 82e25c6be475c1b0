"""Pictures of ledger, agents and the form of a new run."""

from collections.abc import Callable

import pytest

from tests.app.apps import still_app
from tests.app.ledgers import spent

SnapCompare = Callable[..., bool]
SHOWN = [((80, 24), "night"), ((120, 40), "dusk"), ((200, 50), "contrast")]


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)


@pytest.mark.parametrize(("size", "theme"), SHOWN, ids=["80x24", "120x40", "200x50"])
def test_ledger(snap_compare: SnapCompare, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(still_app(spent(), theme=theme), terminal_size=size, press=["3"])


@pytest.mark.parametrize(("size", "theme"), SHOWN[::2], ids=["80x24", "200x50"])
def test_agents_and_tools(snap_compare: SnapCompare, size: tuple[int, int], theme: str) -> None:
    app = still_app(spent(), theme=theme)
    assert snap_compare(app, terminal_size=size, press=["4", "down"])


def test_new_run(snap_compare: SnapCompare) -> None:
    keys = ["n", "up", "right", "down", *"compare"]
    assert snap_compare(still_app(spent()), terminal_size=(80, 24), press=keys)
