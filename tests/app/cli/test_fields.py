"""The fields of `--json` are a promise: kept by every command, and never taken back."""

from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from quarterdeck.cli import fields, past_fields, recording_fields
from tests.app.cli.desk import Desk

PROMISED = Path(__file__).with_name("json_fields.txt")
COMMANDS: dict[tuple[str, ...], type] = {
    ("runs",): fields.RunsFields,
    ("show", "asks"): fields.ShowFields,
    ("show", "doubts"): fields.ShowFields,
    ("show", "fails"): fields.ShowFields,
    ("show", "chooses"): fields.ShowFields,
    ("events", "fails", "--from", "3"): fields.EventFields,
    ("inbox",): fields.InboxFields,
    ("grants",): fields.GrantsFields,
    ("ledger", "--by", "run"): fields.LedgerFields,
    ("verify",): fields.VerifyFields,
    ("heads",): fields.HeadsFields,
    ("agents",): fields.AgentsFields,
    ("tools",): fields.ToolsFields,
    ("models",): fields.ModelsFields,
    ("doctor",): fields.DoctorFields,
    ("backup", "copy.db"): fields.BackupFields,
    ("export", "fails", "fails.tape"): recording_fields.ExportFields,
    ("import", "template.tape"): recording_fields.ImportFields,
    ("erase", "fails", "--at", "1", "--reason", "r", "--yes"): recording_fields.EraseFields,
    ("delete", "fails", "--reason", "r", "--yes"): recording_fields.DeleteFields,
    ("state", "chooses", "--since", "1"): past_fields.StateFields,
    ("note", "asks", "look", "--at", "2"): past_fields.BookmarkFields,
    ("fork", "asks", "--at", "2"): past_fields.ForkedFields,
    ("fork", "doubts", "--at", "4", "--plan"): past_fields.ForkedFields,
    ("compare", "asks", "doubts"): past_fields.CompareFields,
}


def promised() -> list[str]:
    return [
        f"{name.removesuffix('Fields')}.{field}"
        for name, kind in {**vars(fields), **vars(past_fields), **vars(recording_fields)}.items()
        if is_typeddict(kind)
        for field in kind.__annotations__
    ]


def unfit(value: Any, kind: Any, where: str) -> list[str]:  # noqa: ANN401 - of any type
    """Return where a value is not of a type, down to the last field."""
    if kind is Any:
        return []
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        if not isinstance(value, dict) or set(value) != set(hints):
            return [where]
        return [
            p for name, hint in hints.items() for p in unfit(value[name], hint, f"{where}.{name}")
        ]
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return [place for each in value for place in unfit(each, item, f"{where}[]")]
    if get_origin(kind) is dict:
        return [] if isinstance(value, dict) else [where]
    choices = get_args(kind)
    if not choices:
        return [] if type(value) is kind else [where]
    if all(isinstance(choice, str) for choice in choices):
        return [] if value in choices else [where]
    return [] if any(not unfit(value, choice, where) for choice in choices) else [where]


@pytest.mark.parametrize(("arguments", "kind"), COMMANDS.items(), ids=map(" ".join, COMMANDS))
def test_a_command_answers_with_the_fields_that_are_written_down(
    desk: Desk, arguments: tuple[str, ...], kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.workspace.parent)
    if arguments == ("grants",):
        desk.says("approve", desk.item("asks"), "--grant")
    if arguments[0] == "import":
        desk.says("export", "fails", arguments[1])
    for line in desk.lines(*arguments):
        assert unfit(line, kind, "") == []
    help_text = " ".join(desk.says(arguments[0], "--help").split())
    assert all(name in help_text for name in kind.__annotations__)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"run_id": "r", "agent": "a"}, []),
        ({"run_id": "r"}, [""]),
        ({"run_id": "r", "agent": "a", "more": 1}, [""]),
        ({"run_id": "r", "agent": None}, [".agent"]),
        ({"run_id": 1, "agent": "a"}, [".run_id"]),
    ],
)
def test_the_check_of_fields_bites(value: object, wrong: list[str]) -> None:
    assert unfit(value, fields.ChildFields, "") == wrong


def test_no_promised_field_is_gone_and_a_new_one_is_written_down() -> None:
    assert promised() == PROMISED.read_text(encoding="utf-8").splitlines()
