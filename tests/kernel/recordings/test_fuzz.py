"""Recordings damaged at random: a sentence for each, and never a half of it in a workspace."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from quarterdeck_kernel import (
    EventStore,
    Moments,
    import_recording,
    open_store,
    verify,
    verify_recording,
)
from quarterdeck_kernel.errors import QuarterdeckError, RecordingError
from quarterdeck_kernel.recordings import reading
from quarterdeck_kernel.vocabulary.limits import RECORDING_RUNS
from tests.kernel.recordings.tapes import Lines, lines_of, packed, recorded
from tests.kernel.recordings.test_strangers import nested, resealed

SURROGATE = "\ud800"
ODD: list[Any] = [
    None, True, False, 0, -1, 7, 2**31, 2**63, 2**64, 10**400, 1e308, float("nan"), float("inf"),
    "", "run", "../../etc/passwd", "/etc/passwd", "C:\\\\nul", "\0", "\x1b[2J", "\u202e", SURROGATE,
    "x" * 5_000, "NaN", [], {}, [[]], {"a": 1}, {"$blob": "../x", "size": 1}, {"": {"": ""}},
]  # fmt: skip
ODD_PAYLOADS = [
    "", "{", "NaN", "[NaN]", '{"a":NaN}', '{"a":1e999}', '"\\ud800"', '{"\\ud800":1}', "null", "7",
    "[]", "{}", '{"a":1,"a":2}', '{"$blob":"x"}', '{"$blob":null,"size":-1}', '{"a":' + "9" * 5_000
    + "}", json.dumps(nested(100)), json.dumps({"message": {"role": [], "text": {}}}),
]  # fmt: skip

CODE = (LookupError, TypeError, ValueError, AttributeError)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Every place in a value, itself included."""
    found = [here]
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(each, (*here, key))
    return found


def damaged(value: Any, data: st.DataObject) -> None:  # noqa: ANN401 - JSON
    """Give one place in a value another content, or take it away."""
    found = places(value)[1:]
    if not found:
        return
    *way, last = data.draw(st.sampled_from(found))
    for key in way:
        value = value[key]
    if data.draw(st.booleans()) and isinstance(value, dict):
        del value[last]
    else:
        value[last] = data.draw(st.sampled_from(ODD))


def change(lines: Lines, data: st.DataObject) -> None:
    """Do one of the things that strangers do."""
    at = data.draw(st.integers(0, len(lines) - 1))
    match data.draw(st.sampled_from(["value", "line", "facts", "facts", "payload", "payload"])):
        case "value":
            damaged(lines[at], data)
        case "line":
            match data.draw(st.sampled_from(["drop", "twice", "swap", "cut"])):
                case "drop":
                    del lines[at]
                case "twice":
                    lines.insert(at, lines[at])
                case "swap":
                    lines[at], lines[-1] = lines[-1], lines[at]
                case _:
                    del lines[at:]
        case "facts":
            resealed(lines, lambda headers: damaged(headers[at % len(headers)], data))
        case _:
            events = [line for line in lines if "payload" in line]
            events[at % len(events)]["payload"] = data.draw(st.sampled_from(ODD_PAYLOADS))
            resealed(lines, lambda _headers: None)


@contextlib.asynccontextmanager
async def workspace(folder: Path) -> AsyncIterator[EventStore]:
    store = await open_store(folder, durable=False)
    try:
        yield store
    finally:
        await store.close()


async def outcome(tape: Path, folder: Path) -> str | None:
    """Import a file; return why it was refused. What came of it must be whole."""
    try:
        verify_recording(tape)
    except QuarterdeckError as error:
        # Most of them, and what is imported is read by the same reader.
        return str(error)
    async with workspace(folder) as store:
        before = (await store.checkpoint(), await store.acts())
        try:
            done = await import_recording(store, tape)
        except QuarterdeckError as error:
            left = (await store.checkpoint(), await store.acts())
            return str(error) if left == before else "refused, and something of it is here"
        verdict = await verify(store)
        assert verdict.ok, verdict
        for run_id in done.imported:
            head = (await store.run(run_id)).head.seq
            with contextlib.suppress(QuarterdeckError):
                await Moments(store).moment(run_id, head)
        return None


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(recorded(tmp_path_factory.mktemp("fuzz")))


def shaken(tape: Path, folder: Path, examples: int) -> None:
    """Damage a recording in so many ways, and look at what comes of each."""

    @settings(max_examples=examples, phases=[Phase.generate])
    @given(st.data())
    def shake(data: st.DataObject) -> None:
        lines = lines_of(tape)
        for _ in range(data.draw(st.integers(1, 2))):
            # What was taken away cannot be sealed anew.
            with contextlib.suppress(ArithmeticError, *CODE):
                change(lines, data)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            why = asyncio.run(outcome(packed(folder / "damaged", lines), Path(name)))
        assert why is None or ("\n" not in why and "is here" not in why), why

    shake()


def test_whatever_is_damaged_is_refused_in_a_sentence_or_whole(tape: Path, tmp_path: Path) -> None:
    shaken(tape, tmp_path, 30)


def test_a_reader_that_trusts_the_file_comes_to_grief(
    tape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant: what is not understood is not told in a sentence."""
    monkeypatch.setattr(reading._Run, "_understood", lambda _self: contextlib.nullcontext())
    with pytest.raises(CODE):
        shaken(tape, tmp_path, 30)


def test_a_manifest_of_too_many_runs_is_refused(tape: Path, tmp_path: Path) -> None:
    lines = lines_of(tape)[:1]
    lines[0]["runs"] *= RECORDING_RUNS + 1
    with pytest.raises(RecordingError, match="runs: Tuple should have at most 10000 items"):
        verify_recording(packed(tmp_path / "many", lines))
