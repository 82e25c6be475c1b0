"""Core memory: notes that an agent keeps in its run's own log, and sees in every prompt."""

import asyncio

from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.events.agent_events import MemoryChanged
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.limits import MEMORY_NOTE_CHARS, MEMORY_NOTES, PAGE_ROWS

_VERSION = "1"
_FOUND = 5
_ERASED = "(erased)"


class CoreMemory:
    """The notes of one run, folded from its log; a change is an event under its call's key."""

    def __init__(self, driver: RunDriver) -> None:
        self._driver = driver
        self._said: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self.notes: list[str] = []

    async def load(self) -> None:
        """Read what was noted before."""
        driver, after = self._driver, 0
        while True:
            page = await driver.store.read(
                driver.run_id, after=after, kinds=("memory_changed",), limit=PAGE_ROWS
            )
            for record in page:
                event = await opened(driver.store, record)
                if isinstance(event.payload, MemoryChanged):
                    self._apply(event.payload)
            if len(page) < PAGE_ROWS:
                return
            after = page[-1].seq

    def tools(self) -> list[Tool]:
        """Return the tools by which an agent changes and searches its notes."""
        return [
            tool_of(self.memory_append, effect="idempotent", version=_VERSION),
            tool_of(self.memory_replace, effect="idempotent", version=_VERSION),
            tool_of(self.memory_search, effect="read", version=_VERSION),
        ]

    async def memory_append(self, context: ToolContext, text: str) -> str:
        """Note something that should be known for the rest of the work."""
        if len(self.notes) >= MEMORY_NOTES and context.idempotency_key not in self._said:
            raise PermanentToolError(f"{MEMORY_NOTES} notes are kept at most; replace one")
        change = MemoryChanged(key=context.idempotency_key, operation="append", text=_checked(text))
        return await self._change(change)

    async def memory_replace(self, context: ToolContext, number: int, text: str) -> str:
        """Put another note in the place of one, by its number; an empty text removes it.

        Args:
            context: The call.
            number: The number of the note, as memory shows it.
            text: What is to stand there.

        """
        if context.idempotency_key not in self._said and not 1 <= number <= len(self.notes):
            raise PermanentToolError(f"there is no note {number}; there are {len(self.notes)}")
        change = MemoryChanged(
            key=context.idempotency_key,
            operation="replace" if text.strip() else "remove",
            index=number - 1,
            text=_checked(text) if text.strip() else "",
        )
        return await self._change(change)

    async def memory_search(self, query: str) -> list[str]:
        """Find notes that contain some text, however it is spelt in capitals."""
        wanted = query.casefold()
        return [note for note in self.notes if wanted in note.casefold()][:_FOUND]

    async def _change(self, change: MemoryChanged) -> str:
        """Write a change, unless this very call has made it before."""
        assert change.key is not None, "a call has a key"
        async with self._turn:
            if change.key not in self._said:
                (event,) = await self._driver.append(lambda _: [change])
                assert isinstance(event.payload, MemoryChanged), "that is what was written"
                self._apply(event.payload)
            return self._said[change.key]

    def _apply(self, change: MemoryChanged) -> None:
        notes, at = self.notes, change.index
        text = change.text if change.text is not None else _ERASED
        if change.operation == "append":
            notes.append(text)
            said = f"noted as {len(notes)}"
        elif at is None or not 0 <= at < len(notes):
            said = "there was no such note"
        elif change.operation == "replace":
            notes[at] = text
            said = f"note {at + 1} replaced"
        else:
            del notes[at]
            said = f"note {at + 1} removed"
        if change.key is not None:
            self._said[change.key] = said


def _checked(text: str) -> str:
    if not text.strip():
        raise PermanentToolError("the note is empty")
    if len(text) > MEMORY_NOTE_CHARS:
        raise PermanentToolError(
            f"a note has at most {MEMORY_NOTE_CHARS:,} characters, not {len(text):,}; note less"
        )
    return text
