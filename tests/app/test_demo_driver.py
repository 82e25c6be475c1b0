"""The demo's driver does each step once, whatever dies in between."""

import asyncio
from pathlib import Path

import pytest
from pydantic import JsonValue

from quarterdeck.demo.cast import PAYMENTS_PART, SILENT_INVOICE, prepare_files
from quarterdeck.demo.driver import Driver, Part, StoppedError, drive
from quarterdeck.demo.reconcile import settle_payments
from quarterdeck.demo.stage import DriverFailedError, Stage
from quarterdeck.demo.tools import COUNT, PAYMENTS, WRITE, ToolFailedError, inside
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import EventStore, Journal, verify
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.events.tool_events import ToolRequested


async def write_and_count(run: Driver) -> JsonValue:
    await run.call(WRITE, {"path": "a.txt", "text": "one\n"}, name="a")
    counted = await run.call(COUNT, {"path": "a.txt"}, name="a")
    return counted["lines"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    made.files.mkdir(parents=True)
    return made


async def test_a_driver_that_cannot_go_on_says_why_in_one_sentence(workspace: Workspace) -> None:
    store = await workspace.open()
    await drive(Part(name="payments", objective="o", play=_wait), store, workspace.files)
    journal = await Journal.load(store, "payments")
    await journal.claim()
    stage = Stage(workspace, pause_s=0.0)
    with pytest.raises(DriverFailedError, match=r"\) failed: .*'payments'.* driven by") as failed:
        await stage.take_up()
    assert "\n" not in str(failed.value)
    await stage.close()
    await store.close()


async def _wait(_run: Driver) -> JsonValue:
    raise StoppedError("the run waits")


def test_files_that_were_copied_by_halves_are_copied_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    files = tmp_path / "files"
    with monkeypatch.context() as full:
        full.setattr("quarterdeck.demo.cast.shutil.copyfile", fail)
        with pytest.raises(OSError, match="No space"):
            prepare_files(files)
    assert not files.exists()
    prepare_files(files)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
    assert {path.name for path in files.iterdir()} == {"kernel", "library", "logs", "march.csv"}


async def kinds(store: EventStore, run_id: str) -> list[str]:
    return [record.kind for record in await store.read(run_id)]


async def test_a_run_driven_again_adds_nothing(workspace: Workspace) -> None:
    part = Part(name="a", objective="o", play=write_and_count)
    store = await workspace.open()
    await drive(part, store, workspace.files)
    first = await kinds(store, "a")
    await drive(part, store, workspace.files)
    assert await kinds(store, "a") == first
    assert first[-1] == "run_succeeded"
    await store.close()


async def test_an_interrupted_idempotent_step_is_tried_again_under_its_key(
    workspace: Workspace,
) -> None:
    store = await workspace.open()
    await _abandon(Part(name="a", objective="o", play=write_and_count), store, workspace, "a")
    await drive(Part(name="a", objective="o", play=write_and_count), store, workspace.files)
    events = [await opened(store, record) for record in await store.read("a")]
    tries = [e.payload for e in events if isinstance(e.payload, ToolRequested)]
    written = [intent for intent in tries if intent.tool == "write_file"]
    assert [intent.attempt for intent in written] == [1, 2]
    assert len({intent.idempotency_key for intent in written}) == 1
    assert events[-1].kind == "run_succeeded"
    await store.close()


async def test_an_interrupted_payment_is_unknown_and_is_not_paid_again(
    workspace: Workspace,
) -> None:
    store = await workspace.open()
    await _abandon(PAYMENTS_PART, store, workspace, SILENT_INVOICE)
    for _ in range(2):
        await drive(PAYMENTS_PART, store, workspace.files)
        row = (await store.projections("payments")).fleet
        assert (row.need, row.waits_for) == ("unknown", "verdict on pay")
        assert len(_paid(workspace)) == 3
    (settled,) = await settle_payments(store, workspace)
    assert settled.line is not None
    assert settled.line.startswith(settled.key)
    await drive(PAYMENTS_PART, store, workspace.files)
    assert len(_paid(workspace)) == len(set(_paid(workspace))) == 5
    assert (await store.projections("payments")).fleet.need == "done"
    assert (await verify(store)).ok
    await store.close()


async def test_a_payment_that_left_no_line_is_settled_as_failed(workspace: Workspace) -> None:
    store = await workspace.open()
    await _abandon(PAYMENTS_PART, store, workspace, SILENT_INVOICE)
    kept = _paid(workspace)[:2]
    (workspace.files / PAYMENTS).write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    await drive(PAYMENTS_PART, store, workspace.files)
    (settled,) = await settle_payments(store, workspace)
    assert settled.line is None
    await store.close()


def test_tools_see_nothing_outside_the_files(tmp_path: Path) -> None:
    for name in ("../quarterdeck.db", "/etc/passwd", "a/../../b"):
        with pytest.raises(ToolFailedError):
            inside(tmp_path, name)
    (tmp_path / "way-out").symlink_to("/etc")
    with pytest.raises(ToolFailedError):
        inside(tmp_path, "way-out/passwd")


def _paid(workspace: Workspace) -> list[str]:
    return (workspace.files / PAYMENTS).read_text(encoding="utf-8").splitlines()


async def _abandon(part: Part, store: EventStore, workspace: Workspace, name: str) -> None:
    """Drive until the answer to `name` does not come, then stop as a dying process would."""
    driving = asyncio.create_task(drive(part, store, workspace.files, silent_on=name))
    async with asyncio.timeout(10):
        while True:
            inbox = await store.read(part.name) if await _exists(store, part.name) else []
            if inbox and inbox[-1].kind == "tool_requested" and _effect_happened(workspace, name):
                break
            await asyncio.sleep(0.01)
    driving.cancel()
    await asyncio.wait([driving])


def _effect_happened(workspace: Workspace, name: str) -> bool:
    path = workspace.files / PAYMENTS
    if (workspace.files / "a.txt").exists():
        return True
    return path.exists() and f",{name}," in path.read_text(encoding="utf-8")


async def _exists(store: EventStore, run_id: str) -> bool:
    return any(head.run_id == run_id for head in await store.heads())
