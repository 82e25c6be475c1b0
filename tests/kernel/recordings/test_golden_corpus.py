"""Recordings of every schema are read, verify, and fold to what they always did."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import import_recording, open_recording, state_at, verify
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.verification import refolded
from quarterdeck_kernel.events.envelope import Unreadable
from quarterdeck_kernel.events.upcasters import SCHEMA
from tests.kernel.recordings import golden
from tests.kernel.recordings.tapes import elsewhere

TAPES = golden.tapes()


def kept(promised: Any, found: Any) -> bool:  # noqa: ANN401 - JSON
    """Tell whether what was promised is there, beside whatever is new."""
    if isinstance(promised, dict):
        return isinstance(found, dict) and all(
            name in found and kept(value, found[name]) for name, value in promised.items()
        )
    if isinstance(promised, list):
        same = isinstance(found, list) and len(promised) == len(found)
        return same and all(map(kept, promised, found))
    return bool(promised == found)


def test_there_is_one_of_every_schema() -> None:
    names = [f"schema_{number}.tape" for number in range(1, SCHEMA + 1)]
    assert [tape.name for tape in TAPES] == names


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.stem)
async def test_its_events_fold_to_the_rows_they_always_did(tape: Path) -> None:
    promised = json.loads(golden.rows_file(tape).read_text(encoding="utf-8"))
    async with open_recording(tape) as recording:
        store, manifest = recording.store, recording.verified.manifest
        verdict = await verify(store)
        assert verdict.ok, verdict
        found = await golden.rows_of(store, manifest)
        assert kept(promised, found)
        for run in manifest.runs:
            records = await store.read(run.run_id)
            events = [await opened(store, record) for record in records]
            assert not any(isinstance(event.payload, Unreadable) for event in events)
            for seq in range(1, run.head.seq + 1, 5):
                assert (
                    await state_at(store, run.run_id, seq)
                    == (await refolded(store, run.run_id, seq))[0]
                )


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.stem)
async def test_it_comes_into_a_workspace(tape: Path, tmp_path: Path) -> None:
    shutil.copy(tape, tmp_path / "tape")
    async with elsewhere(tmp_path / "workspace") as store:
        done = await import_recording(store, tmp_path / "tape")
        assert (done.imported, done.held) == ((golden.RUN, golden.FORK), (golden.FORK,))
        verdict = await verify(store)
        assert verdict.ok, verdict


def test_the_comparison_bites() -> None:
    promised = {"a": [1, {"b": 2}]}
    assert kept(promised, {"a": [1, {"b": 2, "c": 3}], "d": 4})
    others: tuple[Any, ...] = ({}, {"a": [1]}, {"a": [1, {"b": 3}]}, {"a": [1, {}]}, [])
    for other in others:
        assert not kept(promised, other)
