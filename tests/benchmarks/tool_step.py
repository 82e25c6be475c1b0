"""A tool step with contents of a given size: the intent, then the outcome."""

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.actor import KERNEL
from tests.benchmarks.talk import Prose, beginning

ENVELOPE_BYTES = 60
"""What the content's canonical form adds to the text, about."""


class ToolStep:
    """Makes both payloads; each is validated anew, as an engine would have it."""

    def __init__(self, content_bytes: int, seed: int = 1) -> None:
        prose = Prose(seed)
        self._text = prose.text(content_bytes - ENVELOPE_BYTES)
        self._key = prose.key()
        self._number = 0

    def intent(self) -> ToolRequested:
        """Return the intent of the next step."""
        self._number += 1
        return ToolRequested(
            step_key=f"bench/{self._number}",
            tool="write_file",
            version="1.0.0",
            effect="once",
            idempotency_key=self._key,
            digest=self._key,
            call_id=f"call-{self._number}",
            arguments={"path": "hold/list.txt", "text": self._text},
            preview=None,
        )

    def outcome(self, intent_seq: int) -> ToolCompleted:
        """Return its outcome."""
        return ToolCompleted(
            intent_seq=intent_seq,
            call_id=f"call-{self._number}",
            outcome="success",
            duration_us=1_000,
            message_digest=self._key,
            result=self._text,
            error=None,
        )

    async def through(self, journal: Journal) -> list[Event]:
        """Make one step durable: two appends, the second when the first is on disk."""
        intent = await journal.append(lambda _: (self.intent(),))
        outcome = await journal.append(lambda _: (self.outcome(intent[0].seq),))
        return [*intent, *outcome]


async def driven(store: EventStore, run_id: str) -> Journal:
    """Return the journal of a fresh run that was taken up."""
    queued, started = beginning()
    journal = await Journal.begin(store, queued, tenant="acme", actor=KERNEL, run_id=run_id)
    await journal.claim()
    await journal.append(lambda _: (started,))
    return journal
