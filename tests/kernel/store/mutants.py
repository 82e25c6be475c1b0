"""Adapters broken on purpose, one promise each: what the contract suite must catch.

Most change one fragment of the append path's SQL; that the fragment is there is asserted, so that
a mutant cannot quietly become the sound adapter. The others lie at the port.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from quarterdeck_kernel.store.batch import Batch
from quarterdeck_kernel.store.bookmark import Bookmark
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.sqlite import connection
from quarterdeck_kernel.store.sqlite.queries import sql_text
from quarterdeck_kernel.store.sqlite.store import SqliteStore
from quarterdeck_kernel.testing.contract import Contract
from quarterdeck_kernel.testing.fake_clock import FakeClock


@contextmanager
def append_sql(fragment: str, instead: str) -> Iterator[None]:
    """Let the append path of stores opened meanwhile say something else."""

    def changed(name: str) -> str:
        text = sql_text(name)
        if name != "append":
            return text
        assert fragment in text, f"append.sql has no {fragment!r} any more: adapt this mutant"
        return text.replace(fragment, instead)

    with patch.object(connection, "sql_text", changed):
        yield


class ReorderingStore(SqliteStore):
    """Writes the events of a batch in another order than they were handed in."""

    async def append(self, batch: Batch) -> None:
        records = tuple(
            late._replace(seq=early.seq)
            for early, late in zip(batch.records, reversed(batch.records), strict=True)
        )
        await super().append(replace(batch, records=records))


class SharedFateStore(SqliteStore):
    """Appends of one moment are refused together, if one of them is."""

    async def append(self, batch: Batch) -> None:
        burst: list[asyncio.Task[None]] = self.__dict__.setdefault("burst", [])
        burst.append(asyncio.create_task(super().append(batch)))
        await asyncio.sleep(0)
        self.__dict__["burst"] = []
        for result in await asyncio.gather(*burst, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result


class TruncatingStore(SqliteStore):
    """Takes the first event of a batch, forgets the rest, and says that all is well."""

    async def append(self, batch: Batch) -> None:
        await super().append(replace(batch, records=batch.records[:1]))


class GossipingStore(SqliteStore):
    """Shows a fork every bookmark of its parent, of what it shares and what it does not."""

    async def bookmarks(self, run_id: str) -> list[Bookmark]:
        found = await super().bookmarks(run_id)
        parent = (await self.run(run_id)).parent
        return [*found, *(await self.bookmarks(parent.run_id) if parent is not None else ())]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken adapter, and the tests of the contract that must fail for it."""

    name: str
    caught_by: tuple[str, ...]
    broken: Callable[[], AbstractContextManager[None]] = nullcontext
    store: type[SqliteStore] = SqliteStore

    def __str__(self) -> str:
        return self.name


def _sql(name: str, caught_by: tuple[str, ...], fragment: str, instead: str) -> Mutant:
    return Mutant(name, caught_by, lambda: append_sql(fragment, instead))


MUTANTS = (
    _sql(
        "drops the epoch fence",
        ("test_an_old_epoch_is_refused", "test_an_epoch_not_given_yet_is_refused"),
        "AND (NEW.epoch IS NULL OR epoch = NEW.epoch)",
        "",
    ),
    _sql(
        "checks seq and epoch but not the previous hash",
        (
            "test_a_wrong_previous_hash_is_refused",
            "test_the_second_event_of_a_stale_batch_is_refused",
        ),
        "AND hash = NEW.prev",
        "",
    ),
    _sql(
        "checks the previous hash but not the seq",
        ("test_a_wrong_seq_is_refused",),
        "AND seq = NEW.seq - 1",
        "",
    ),
    _sql(
        "stores the hash of the previous event",
        ("test_events_are_numbered_without_gaps", "test_a_sound_workspace"),
        "NEW.header, NEW.salt, NEW.payload, NEW.hash,",
        "NEW.header, NEW.salt, NEW.payload, ifnull(NEW.prev, NEW.hash),",
    ),
    _sql(
        "deletes what a fork shares",
        ("test_a_run_whose_events_a_fork_shares_is_refused",),
        "    OR EXISTS (\n        SELECT 1 FROM main.runs\n        WHERE parent_no = (",
        "    OR EXISTS (\n        SELECT 1 FROM main.runs\n        WHERE parent_no = -(",
    ),
    _sql(
        "lets one conflict abort the statement of all",
        ("test_one_conflict_does_not_fail_its_neighbours",),
        "RAISE (IGNORE)",
        "RAISE (ROLLBACK, 'refused')",
    ),
    _sql(
        "forgets that what is answered must stand",
        ("test_a_settled_item_is_refused", "test_an_answer_to_nothing_is_refused"),
        "NEW.stands IS NOT NULL",
        "false",
    ),
    _sql(
        "forgets the account guard",
        ("test_the_guard_is_exact", "test_a_refused_batch_leaves_nothing"),
        "> a.bound",
        "> a.bound + 1000000000000",
    ),
    _sql(
        "lets a fork branch from an event that is not there",
        ("test_a_fork_needs_its_parents_event",),
        "AND e.hash = NEW.prev",
        "",
    ),
    _sql(
        "lets a fork into another tenant",
        ("test_a_fork_needs_its_parents_event",),
        "AND p.tenant = NEW.tenant",
        "",
    ),
    _sql(
        "keeps idempotency keys for all tenants together",
        ("test_an_idempotency_key_belongs_to_a_tenant",),
        "WHERE tenant = NEW.tenant AND idempotency_key = NEW.idempotency_key",
        "WHERE idempotency_key = NEW.idempotency_key",
    ),
    _sql(
        "deletes a run whose events a fork shares",
        ("test_a_run_whose_events_a_fork_shares_is_refused",),
        "WHERE parent_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)\n    );",
        "WHERE false\n    );",
    ),
    _sql(
        "deletes a run that went on",
        ("test_a_run_that_went_on_or_was_taken_over_is_refused",),
        "AND hash = NEW.hash AND epoch = NEW.epoch",
        "",
    ),
    _sql(
        "deletes blobs that others name",
        ("test_a_blob_that_others_name_stays",),
        "AND run_no <> (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)\n        );",
        "AND false\n        );",
    ),
    Mutant(
        "reorders a batch",
        ("test_events_are_numbered_without_gaps",),
        store=ReorderingStore,
    ),
    Mutant(
        "fails the neighbours of a conflict",
        ("test_one_conflict_does_not_fail_its_neighbours",),
        store=SharedFateStore,
    ),
    Mutant(
        "stores part of a batch",
        ("test_events_are_numbered_without_gaps", "test_a_big_batch_is_stored_whole"),
        store=TruncatingStore,
    ),
    Mutant(
        "shows a fork what was noted about events it does not share",
        ("test_a_fork_shows_the_bookmarks_of_what_it_shares",),
        store=GossipingStore,
    ),
)


class InMemory(Contract):
    """Opens the adapter under test in memory; its class is set by who runs the suite."""

    shared = False
    store: type[SqliteStore] = SqliteStore

    async def open_store(self, folder: Path, clock: FakeClock) -> EventStore:  # noqa: ARG002 - no file
        return await self.store.open(":memory:", clock=clock)
