"""Whatever runs beside the screen goes through `Deck`, which makes a notice of its failure."""

import re

from tests.architecture.repository import ROOT

_WORKERS = re.compile(r"run_worker\(|@work\b|run_in_executor|create_task\(")


def test_no_worker_is_started_but_by_the_deck() -> None:
    app = ROOT / "app" / "quarterdeck"
    paths = [
        path for part in ("widgets", "dialogs", "screens") for path in (app / part).glob("*.py")
    ]
    found = [
        path.name for path in [*paths, app / "app.py"] if _WORKERS.search(path.read_text("utf-8"))
    ]
    assert found == ["deck.py"]


def test_no_widget_reads_markup() -> None:
    app = ROOT / "app" / "quarterdeck"
    text = "\n".join(path.read_text("utf-8") for path in app.rglob("*.py"))
    assert "from_markup" not in text
    assert (
        re.findall(
            r"\b(?:Label|Static|RichLog|Markdown)\((?![^()]*(?:\([^()]*\)[^()]*)*markup=False)",
            text,
        )
        == []
    )
