"""Parts of the command line, broken on purpose: the tests beside this one are seen to fail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.cli import ending, naming, records
from quarterdeck.cli.ending import ExitCode
from tests.app.cli import test_deciding, test_fields, test_reading
from tests.app.cli.desk import Desk

BY_PREFIX = test_reading.test_a_run_is_called_by_how_its_id_begins_if_only_one_does
FIELDS = test_fields.test_a_command_answers_with_the_fields_that_are_written_down
Check = Callable[[Desk, pytest.MonkeyPatch], object]


async def _nothing_was_there(*_: object) -> bool:
    return False


async def _any_run(store: Any, text: str) -> str:  # noqa: ANN401 - a store
    (head, *_) = await store.heads(after=text[:1])
    return str(head.run_id)


def _without_a_field(row: Any) -> Any:  # noqa: ANN401 - a row and its fields
    return {"run_id": row.run_id}


MUTANTS: list[tuple[str, object, str, object, Check]] = [
    (
        "whoever comes second is told that there was nothing",
        naming, "_wrote", _nothing_was_there,
        lambda desk, _: test_deciding.test_who_comes_second_is_told_who_was_first_and_when(desk),
    ),
    (
        "any run will do",
        naming, "find_run", _any_run,
        lambda desk, _: BY_PREFIX(desk),
    ),
    (
        "every error is a failure",
        ending, "code_of", lambda _error: ExitCode.FAILED,
        lambda desk, _: test_deciding.test_a_run_is_held_and_released(desk),
    ),
    (
        "a field is missing",
        records, "run_fields", _without_a_field,
        lambda desk, patch: FIELDS(desk, ("runs",), test_fields.COMMANDS["runs",], patch),
    ),
    (
        "agents write to the terminal",
        json, "dumps", lambda data, **_: str(data),
        lambda desk, _: test_reading.test_text_of_agents_cannot_act_upon_a_terminal(desk),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "name", "mutant", "check"),
    [mutant[1:] for mutant in MUTANTS],
    ids=[mutant[0] for mutant in MUTANTS],
)
def test_a_mutant_is_caught(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    place: object,
    name: str,
    mutant: object,
    check: Check,
) -> None:
    monkeypatch.setattr(place, name, mutant)
    with pytest.raises((AssertionError, ValueError, KeyError)):
        check(desk, monkeypatch)


def test_the_promise_of_fields_is_kept_by_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shorter = tmp_path / "fields.txt"
    shorter.write_text("\n".join(test_fields.promised()[1:]), encoding="utf-8")
    monkeypatch.setattr(test_fields, "PROMISED", shorter)
    with pytest.raises(AssertionError):
        test_fields.test_no_promised_field_is_gone_and_a_new_one_is_written_down()
