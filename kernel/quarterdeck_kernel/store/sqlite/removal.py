"""Taking something out of a workspace, and the acts that licence it."""

from pydantic import ValidationError

from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import HeadMovedError, NotFoundError, RunNeededError
from quarterdeck_kernel.events.naming import named_blobs
from quarterdeck_kernel.events.record import commitment_of
from quarterdeck_kernel.store.act import Act
from quarterdeck_kernel.store.batch import Head
from quarterdeck_kernel.store.lease import Lease
from quarterdeck_kernel.store.sqlite.maintenance import Maintenance
from quarterdeck_kernel.store.sqlite.reader import Reader
from quarterdeck_kernel.store.sqlite.writer import Writer
from quarterdeck_kernel.vocabulary.actor import Actor

_NAMED_FORKS = 3


class Removal:
    """Erases and deletes; tells what was done."""

    def __init__(
        self, writer: Writer, reader: Reader, clock: Clock, upkeep: Maintenance | None
    ) -> None:
        """Go by the writing task, as everything that is written does."""
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._upkeep = upkeep

    async def erase(self, run_id: str, seq: int, *, actor: Actor, reason: str) -> None:
        """Remove the content of an event for ever, and the blobs that kept it."""
        await self._reader.run(run_id)
        rows = await self._reader.fetch("erase_target", run_id=run_id, seq=seq)
        if not rows:
            raise NotFoundError(f"run {run_id!r} has no event #{seq} of its own to erase")
        (record,) = await self._reader.read(run_id, after=seq - 1, until=seq, payloads=True)
        if record.payload is None or record.salt is None:
            return
        await self._writer.execute(
            "erase",
            run_no=rows[0][0],
            seq=seq,
            commitment=commitment_of(record.salt, record.payload.encode()),
            blobs=encode(named_blobs(record)),
            at_us=self._clock.now_us(),
            actor=actor_text(actor),
            reason=reason,
        )
        await self._flush()

    async def delete(self, lease: Lease, head: Head, *, actor: Actor, reason: str) -> None:
        """Delete a run whole, if it still ends at `head` and nobody took its lease."""
        deleted = await self._writer.execute(
            "deletion",
            run_id=head.run_id,
            hash=head.hash,
            epoch=lease.epoch,
            at_us=self._clock.now_us(),
            actor=actor_text(actor),
            reason=reason,
        )
        if not deleted:
            await self._reader.run(head.run_id)
            forks = await self._reader.fetch("forks", run_id=head.run_id, limit=_NAMED_FORKS + 1)
            if forks:
                raise RunNeededError(_needed(head.run_id, [name for (name,) in forks]))
            raise HeadMovedError(
                f"run {head.run_id!r} went on meanwhile, or another holder drives it; look at it "
                "and decide again"
            )
        self._reader.forget(head.run_id)
        await self._flush()

    async def acts(self, *, after: int, limit: int) -> list[Act]:
        """Return what was done to the workspace, in order."""
        rows = await self._reader.fetch("acts", after=after, limit=limit)
        return [
            Act(
                number=number,
                act=act,
                run_id=run_id,
                seq=seq,
                blob=blob,
                at_us=at_us,
                actor=_actor(actor),
                reason=reason,
            )
            for number, act, run_id, seq, blob, at_us, actor, reason in rows
        ]

    async def _flush(self) -> None:
        if self._upkeep is not None:
            # The log still holds the bytes that are gone until it is written over.
            await self._upkeep.flush_log("TRUNCATE", patient=True)


def actor_text(actor: Actor) -> str:
    """Return an actor as an act keeps it."""
    return encode(actor.model_dump(mode="json", exclude_none=True))


def _actor(text: str) -> Actor:
    try:
        return Actor.model_validate_json(text)
    except ValidationError:
        return Actor(kind="operator", name="(unreadable)")


def _needed(run_id: str, forks: list[str]) -> str:
    named = ", ".join(map(repr, forks[:_NAMED_FORKS]))
    more = " and more" if len(forks) > _NAMED_FORKS else ""
    return (
        f"run {run_id!r} cannot be deleted: its events are shared by its forks {named}{more}; "
        "delete those first"
    )
