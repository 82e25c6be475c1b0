"""`doctor` and `backup`: what is looked at, what is bad, and mending."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from quarterdeck.cli import checks
from quarterdeck_kernel.store.sqlite.stored_rows import path_of
from quarterdeck_kernel.vocabulary.rows import FleetRow
from tests.app.cli.desk import Desk

NAMES = ["python", "sqlite", "terminal", "keys", "settings", "agents", "store", "disk"]


def found(desk: Desk) -> dict[str, tuple[str, str]]:
    return {
        check["name"]: (check["level"], check["detail"]) for check in desk.json("doctor")["checks"]
    }


def test_everything_is_looked_at(desk: Desk) -> None:
    checked = found(desk)
    assert list(checked) == NAMES
    assert "bad" not in {level for level, _ in checked.values()}
    assert desk.json("heads")["workspace_id"] in checked["store"][1]
    assert [line.split()[1] for line in desk.says("doctor").splitlines()] == NAMES


@pytest.mark.parametrize(
    ("version", "level", "says"),
    [
        ((3, 51, 3), "good", "without"),
        ((3, 51, 2), "note", "WAL-reset bug"),
        ((3, 36, 0), "bad", "install a newer Python"),
    ],
)
def test_the_version_of_sqlite_is_judged(
    version: tuple[int, int, int], level: str, says: str
) -> None:
    check = checks._sqlite(version)
    assert check["level"] == level
    assert says in check["detail"]


def test_of_keys_the_names_alone_are_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "not-a-key")
    assert "GROQ_API_KEY" in found(desk)["keys"][1]
    assert "not-a-key" not in desk.says("doctor") + desk.says("doctor", "--json")


def test_without_a_workspace_there_is_nothing_bad(tmp_path: Path) -> None:
    checked = found(Desk(tmp_path / "nowhere"))
    assert checked["store"][0] == "note"
    assert not (tmp_path / "nowhere").exists()


def test_wrong_settings_and_a_foreign_store_are_bad(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "quarterdeck.toml").write_text("[guard]\nx = 1\n", encoding="utf-8")
    (tmp_path / "quarterdeck.db").write_text("no database" * 100, encoding="utf-8")
    done = Desk(tmp_path).does("doctor")
    assert done.exit_code == 1
    assert done.stdout.count("BAD ") == 2
    assert "quarterdeck.toml:1" in done.stdout


def test_rows_that_are_wrong_are_found_and_made_anew(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.workspace / "quarterdeck.db")) as db, db:
        sql = "UPDATE runs SET fleet = json_set(fleet, 'PLACE', 'x') WHERE run_id = 'asks'"
        db.execute(sql.replace("PLACE", path_of(FleetRow, "objective")))
    assert "not what its events give" in desk.refused(4, "verify")
    assert desk.json("doctor", "--rebuild")["rebuilt"] == 6
    assert desk.json("verify")["ok"] is True
    assert "6 runs" in desk.says("doctor", "--rebuild")


def test_a_backup_is_a_workspace_that_verifies(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir(mode=0o700)
    made = desk.json("backup", str(folder / "quarterdeck.db"))
    copy = Desk(folder)
    assert copy.json("heads") == desk.json("heads")
    assert (copy.json("verify")["ok"], made["position"]) == (True, desk.json("heads")["position"])
    assert "exists" in desk.refused(1, "backup", str(folder / "quarterdeck.db"))
