"""The conversation of a run while it is driven: read back once, then carried on in memory.

What stands on record is the list of the newest request (or compaction). What came since (the
answer, the results, what people said) is added behind it, in the order it came.
"""

from quarterdeck_kernel.agent.skills import Shelf
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.model_ask import as_stored
from quarterdeck_kernel.engine.request_reader import messages_listed
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import NotFoundError
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.events.run_events import RunForked, RunQueued
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.messages import Message

_ERASED = "(erased)"


class Conversation:
    """`listed` is the list on record, system message first; `messages` what is said so far."""

    def __init__(self, driver: RunDriver, shelf: Shelf) -> None:
        self._driver = driver
        self._shelf = shelf
        self._heard: set[int] = set()
        self.listed: list[Message] = []
        self.messages: list[Message] = []

    async def load(self) -> None:
        """Read what stands on record; without anything it begins with the objective."""
        driver = self._driver
        objective = as_stored(Message(role="user", text=await self._objective()))
        last = driver.state.conversation.last
        if last is None:
            self.messages = [objective]
            return
        listed = await messages_listed(driver.store, driver.run_id, last.seq)
        self.listed = list(listed.messages)
        self.messages = [objective, *self.listed[2:]]

    def say(self, *messages: Message) -> None:
        """Add what was said or came out."""
        self.messages += [as_stored(message) for message in messages]

    def sent(self, messages: tuple[Message, ...]) -> None:
        """Note what a request put on record: the conversation goes on from there."""
        self.listed = list(messages)
        self.messages = list(messages[1:])

    def shortened(self, listed: list[Message]) -> None:
        """Note a shorter list on record; what came since the one before stays behind it."""
        since = self.messages[max(0, len(self.listed) - 1) :]
        self.listed = list(listed)
        self.messages = [*listed[1:], *since]

    def unheard(self, state: RunState) -> list[int]:
        """Return what operators have said and nothing here has taken in yet."""
        waiting = [m.seq for m in state.messages.values() if m.carried_by is None]
        return sorted(seq for seq in waiting if seq not in self._heard)

    async def hear(self) -> None:
        """Take in what operators have said; it counts as used once a request was answered."""
        driver = self._driver
        for seq in self.unheard(await driver.refresh()):
            payload = (await driver.event(seq)).payload
            assert isinstance(payload, OperatorMessage), "the state names what was said"
            self._heard.add(seq)
            if payload.text is not None:
                self.messages.append(Message(role="user", text=payload.text))
            self.say(*(Message(role="user", text=self._read(name)) for name in payload.skills))

    def _read(self, name: str) -> str:
        """Return a skill that was referred to; one that is gone since is not passed over."""
        try:
            skill = self._shelf.get(name)
        except NotFoundError as error:
            return f"[skill {name} cannot be read: {error}]"
        return f"[skill {skill.name}]\n{skill.text or skill.summary}"

    async def _objective(self) -> str:
        """Return the whole objective: the state keeps the beginning only."""
        driver = self._driver
        first = (await driver.event(1)).payload
        assert isinstance(first, RunQueued), "a run begins so"
        objective = first.objective
        for record in await driver.store.read(driver.run_id, kinds=("run_forked",)):
            payload = (await opened(driver.store, record)).payload
            if not isinstance(payload, RunForked):
                continue
            if "objective" in payload.changed:
                changed = (payload.changes or {}).get("objective")
                objective = changed if isinstance(changed, str) else None
        return objective if objective is not None else _ERASED
