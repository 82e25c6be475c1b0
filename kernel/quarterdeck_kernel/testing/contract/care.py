"""Care for the data: verifying, erasing, backing up, rebuilding projections."""

# ruff: noqa: PLR2004 - expected numbers are clearest where they are compared

from collections.abc import Callable, Sequence
from dataclasses import replace

from quarterdeck_kernel.errors import (
    BlobNotFoundError,
    ConflictError,
    NotFoundError,
    RunNotFoundError,
)
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.record import Record, recomputed_hash
from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.run_info import Checkpoint
from quarterdeck_kernel.store.snapshot import Snapshot
from quarterdeck_kernel.store.verdict import Progress, Sound
from quarterdeck_kernel.testing.contract.stage import Contract, raises
from quarterdeck_kernel.testing.logs import ADA, Beside, say
from quarterdeck_kernel.vocabulary.rows import ContextRow, ProjectionRows, StepRow


def _forged(batch: Batch, forge: Callable[[Record], Record]) -> Batch:
    """Return a batch whose first record was changed after it was sealed."""
    return replace(batch, records=(forge(batch.records[0]), *batch.records[1:]))


_FORGERIES: tuple[Callable[[Record], Record], ...] = (
    lambda record: record._replace(payload='{"text":"forged"}'),
    lambda record: record._replace(salt=b"\0" * 16),
    lambda record: record._replace(header=record.header.replace("ada", "ben")),
    lambda record: record._replace(hash=b"\7" * 32),
    lambda record: record._replace(kind="held"),
    lambda record: record._replace(at_us=5),
    # The bytes that are hashed are the same, and yet they are no longer what was said.
    lambda record: record._replace(
        salt=(record.salt or b"") + (record.payload or "")[:1].encode(),
        payload=(record.payload or "")[1:],
    ),
)


class VerifyContract(Contract):
    """`verify`. Records are forged before they are stored: stores do not look into them."""

    async def test_a_sound_workspace(self) -> None:
        """Runs and events are counted, forks included; nothing is wrong."""
        async with self.stage() as stage:
            assert (await stage.store.verify()).ok
            parent, _ = await stage.driven("parent", events=5)
            fork = parent.fork("fork", 3)
            await stage.put(fork, fork.create())
            ref = await stage.store.put_blob("acme", b'{"text":"long"}')
            await stage.put(fork, fork.operate(say(), beside=Beside(blob=ref)))
            verdict = await stage.store.verify()
            assert verdict.ok, verdict
            assert (verdict.runs, verdict.events, verdict.erased) == (2, 7, ())
            for run_id in ("parent", "fork"):
                one = await stage.store.verify(run_id)
                assert one.ok, one

    async def test_the_first_bad_event_is_named(self) -> None:
        """Payload, salt, header, hash, and the columns beside them: each is held to account."""
        for nth, forge in enumerate(_FORGERIES):
            async with self.stage() as stage:
                log = await stage.begun("run-1")
                await stage.begun("run-2")
                await stage.put(log, log.operate())
                await stage.put(log, _forged(log.operate(), forge))
                await stage.put(log, log.operate())
                verdict = await stage.store.verify()
                assert verdict.fault is not None, f"forgery {nth}"
                assert not verdict.ok
                assert (verdict.fault.run_id, verdict.fault.seq) == ("run-1", 3), verdict.fault
                assert verdict.fault.message
                assert (await stage.store.verify("run-1")).fault is not None
                assert (await stage.store.verify("run-2")).ok

    async def test_a_break_in_the_chain_is_named(self) -> None:
        """An event that was sealed upon another one than stands before it."""
        async with self.stage() as stage:
            log = await stage.begun()
            elsewhere = stage.log()
            elsewhere.accept(elsewhere.create())
            stray = elsewhere.operate().records
            await stage.put(log, replace(log.operate(), records=stray))
            fault = (await stage.store.verify("run-1")).fault
            assert fault is not None
            assert (fault.run_id, fault.seq) == ("run-1", 2)

    async def test_progress_is_told(self) -> None:
        """It rises to the whole."""
        async with self.stage() as stage:
            await stage.driven(events=20)
            seen: list[Progress] = []
            assert (await stage.store.verify(progress=seen.append)).ok
            assert seen
            done = [progress.events for progress in seen]
            assert done == sorted(done)
            assert seen[-1] == Progress(events=20, of=20)

    async def test_who_follows_is_handed_what_is_sound(self) -> None:
        """Every event once, those of a run in order, the newest marked; nothing behind a fault."""
        async with self.stage() as stage:
            log, _ = await stage.driven("run-1", events=3)
            await stage.begun("run-2")
            seen: list[Sound] = []

            async def follow(sound: Sequence[Sound]) -> None:
                seen.extend(sound)

            assert (await stage.store.verify(follow=follow)).ok
            stored = [*await stage.stored("run-1"), *await stage.stored("run-2")]
            told = sorted((s.header["run_id"], s.header["seq"], s.hash, s.newest) for s in seen)
            last = {("run-1", 3), ("run-2", 1)}
            assert told == [(r.run_id, r.seq, r.hash, (r.run_id, r.seq) in last) for r in stored]
            await stage.put(log, _forged(log.operate(), _FORGERIES[0]))
            seen.clear()
            assert (await stage.store.verify("run-1", follow=follow)).fault is not None
            assert all(sound.header["seq"] < 4 for sound in seen)

    async def test_checkpoints_kept_elsewhere_are_held_against_it(self) -> None:
        """Those of this workspace agree, old and new; a foreign or later one does not."""
        async with self.stage() as stage:
            log = await stage.begun()
            kept = [await stage.store.checkpoint()]
            await stage.put(log, log.operate())
            kept.append(await stage.store.checkpoint())
            await stage.put(log, log.operate())
            assert (await stage.store.verify(against=kept)).ok
            other_link = replace(kept[0], link="0" * 64)
            later = Checkpoint(
                workspace_id=kept[0].workspace_id, position=kept[1].position + 99, link="0" * 64
            )
            for wrong in (other_link, later):
                verdict = await stage.store.verify(against=[kept[1], wrong])
                assert verdict.fault is not None, wrong
                assert verdict.fault.kind in {"rewound", "truncated", "head_mismatch"}


class EraseContract(Contract):
    """`erase`."""

    async def test_content_is_gone_and_the_chain_verifies(self) -> None:
        """A tombstone is left: facts and hash stay, `verify` lists it, others are unchanged."""
        async with self.stage() as stage:
            log = await stage.begun()
            for n in range(3):
                await stage.put(log, log.operate(say("a secret", key=f"m{n}")))
            await stage.store.erase("run-1", 3, actor=ADA, reason="asked to")
            stored = await stage.stored("run-1")
            erased = stored[2]
            assert (erased.salt, erased.payload) == (None, None)
            assert erased.commitment is not None
            assert recomputed_hash(erased) == erased.hash == log.records[2].hash
            assert erased.header == log.records[2].header
            assert open_record(erased).content == "erased"
            assert [r for r in stored if r.seq != 3] == [r for r in log.records if r.seq != 3]
            for verdict in (await stage.store.verify(), await stage.store.verify("run-1")):
                assert verdict.ok, verdict
                assert verdict.erased == (("run-1", 3),)
            await stage.put(log, log.operate())

    async def test_erasing_twice_is_harmless(self) -> None:
        """The tombstone is not touched and is listed once."""
        async with self.stage() as stage:
            await stage.begun()
            for _ in range(2):
                await stage.store.erase("run-1", 1, actor=ADA, reason="asked to")
                verdict = await stage.store.verify()
                assert verdict.ok, verdict
                assert verdict.erased == (("run-1", 1),)

    async def test_what_is_not_there_is_not_found(self) -> None:
        """A seq beyond the head, a seq below 1, a run unknown."""
        async with self.stage() as stage:
            await stage.begun()
            for seq in (0, 2, 99):
                with raises(NotFoundError):
                    await stage.store.erase("run-1", seq, actor=ADA, reason="asked to")
            with raises(RunNotFoundError):
                await stage.store.erase("ghost", 1, actor=ADA, reason="asked to")
            assert (await stage.store.verify()).erased == ()

    async def test_its_blob_goes_too(self) -> None:
        """Content kept as a blob is erased with its event; the same put again is new."""
        async with self.stage() as stage:
            log = await stage.begun()
            content = b'{"text":"a long secret"}'
            ref = await stage.store.put_blob("acme", content)
            await stage.put(log, log.operate(say(), beside=Beside(blob=ref)))
            await stage.store.erase("run-1", 2, actor=ADA, reason="asked to")
            with raises(BlobNotFoundError):
                await stage.store.blob(ref)
            assert (await stage.store.verify()).ok
            again = await stage.store.put_blob("acme", content)
            assert await stage.store.blob(again) == content

    async def test_an_event_on_its_way_does_not_lose_its_blob(self) -> None:
        """A blob found again may be erased before it is named: then the whole batch is refused."""
        async with self.stage() as stage:
            log = await stage.begun()
            ref = await stage.store.put_blob("acme", b'{"text":"a long secret"}')
            await stage.put(log, log.operate(say(), beside=Beside(blob=ref)))
            await stage.store.erase("run-1", 2, actor=ADA, reason="asked to")
            late = log.operate(say(key="m2"), say(key="m3"), beside=Beside(blob=ref))
            with raises(ConflictError):
                await stage.store.append(late)
            await stage.put(log, log.operate(say(key="m4")))
            assert (await stage.store.run("run-1")).head.seq == 3
            assert (await stage.store.verify()).ok

    async def test_snapshots_behind_it_go_too(self) -> None:
        """They may hold what was erased; those before it stay."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=6)
            for seq in (2, 3, 5):
                head = log.at(seq)
                snapshot = Snapshot(
                    run_id="run-1", seq=seq, hash=head.hash, fold_version=1, state="{}"
                )
                await stage.store.put_snapshot(snapshot)
            await stage.store.erase("run-1", 3, actor=ADA, reason="asked to")
            left = await stage.store.snapshot("run-1", fold_version=1)
            assert left is not None
            assert left.seq == 2

    async def test_a_fork_reads_the_tombstone(self) -> None:
        """Shared content is gone for all who share it."""
        async with self.stage() as stage:
            log = await stage.begun()
            await stage.put(log, log.operate(say("a secret")))
            fork = log.fork("fork", 2)
            await stage.put(fork, fork.create())
            await stage.store.erase("run-1", 2, actor=ADA, reason="asked to")
            assert (await stage.stored("fork"))[1].payload is None
            assert (await stage.store.verify("fork")).ok


class BackupContract(Contract):
    """`backup`."""

    async def test_a_backup_opens_and_verifies(self) -> None:
        """It holds what the store held, leases of the living aside, and lives its own life."""
        async with self.stage() as stage:
            log, _ = await stage.driven(events=5)
            ref = await stage.store.put_blob("acme", b"manifest")
            at = await stage.store.checkpoint()
            folder = stage.folder / "elsewhere"
            folder.mkdir(mode=0o700)
            file = folder / "backup.db"
            await stage.store.backup(file)
            kept = list(log.records)
            await stage.put(log, log.operate())
            copy = await stage.opened(self.open_backup(file, stage.clock))
            assert await copy.read("run-1") == kept
            assert await copy.blob(ref) == b"manifest"
            assert await copy.checkpoint() == at
            verdict = await copy.verify(against=[at])
            assert verdict.ok, verdict


class RebuildContract(Contract):
    """`rebuild`."""

    async def test_rows_are_replaced(self) -> None:
        """What was stored before is gone: fleet row, items, conversation, steps."""
        async with self.stage() as stage:
            log, lease = await stage.driven()
            beside = Beside(
                opened=(log.item("old"), log.item("both")),
                context=(ContextRow(thread=1, place=7, seq=2, part=-1, digest="old"),),
                steps=(StepRow(step_key="old", requested_seq=2),),
            )
            await stage.put(log, log.drive(lease, beside=beside))
            assert log.fleet is not None
            assert log.head is not None
            fresh = ProjectionRows(
                fleet=log.fleet._replace(objective="folded afresh", turn=9),
                inbox_opened=(log.item("both", title="new"), log.item("new")),
                context=(ContextRow(thread=1, place=0, seq=2, part=-1, digest="new"),),
                steps=(StepRow(step_key="new", requested_seq=2),),
            )
            await stage.store.rebuild("run-1", fresh, log.head)
            kept = await stage.store.projections("run-1")
            assert kept.fleet == fresh.fleet
            assert {row.item_id: row.title for row in (await stage.store.inbox()).rows} == {
                "both": "new",
                "new": "new?",
            }
            assert await stage.store.context("run-1", 1) == list(fresh.context)
            assert await stage.store.step("run-1", "old") is None
            assert await stage.store.step("run-1", "new") == fresh.steps[0]
            assert await stage.stored("run-1") == log.records

    async def test_a_moved_head_changes_nothing(self) -> None:
        """Rows folded from a shorter log are refused."""
        async with self.stage() as stage:
            log = await stage.begun()
            assert log.head is not None
            assert log.fleet is not None
            before = log.head
            rows = ProjectionRows(fleet=log.fleet._replace(objective="stale"))
            await stage.put(log, log.operate(beside=Beside(opened=(log.item(),))))
            with raises(ConflictError):
                await stage.store.rebuild("run-1", rows, before)
            assert (await stage.store.projections("run-1")).fleet == log.fleet
            assert len((await stage.store.inbox()).rows) == 1
