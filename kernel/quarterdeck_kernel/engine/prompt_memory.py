"""What a driver remembers of the messages it has looked through, so that none is again every turn.

Whoever asks hands over the whole conversation each turn. Its beginning is nearly always that of
the turn before: told by one comparison, which ends at the same objects at once.
"""

from collections.abc import Sequence
from dataclasses import replace

from quarterdeck_kernel.engine.ingress import Ingress, refusal, summed
from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.guards.personal_data.policy import Place
from quarterdeck_kernel.guards.personal_data.scrubber import Scrubbed
from quarterdeck_kernel.vocabulary.messages import Message

_KNOWN = 64
"""Answers and results that were not handed back yet: of a turn, and of some that run beside it."""


class PromptMemory:
    """Looks through the conversation of one run. One per driver."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._given: tuple[Message, ...] = ()
        self._clean: tuple[Message, ...] = ()
        self._told: dict[int, Scrubbed[Message]] = {}
        self._known: dict[Message, None] = {}

    def looked_through(self, asked: AskedModel) -> AskedModel:
        """Return a step without what a prompt must not hold, and what that was."""
        if not self._ingress.looks("prompt"):
            return asked
        given = asked.messages
        if given is not self._given:
            self._look(given)
        if self._clean == given and not self._told:
            return asked
        told = self._told
        blocked = summed(scrubbed.blocked for scrubbed in told.values())
        return replace(
            asked,
            messages=self._clean,
            taken_out={key: scrubbed.counts for key, scrubbed in told.items()},
            refused=refusal(blocked, "prompt") if blocked else None,
        )

    def note(self, message: Message, place: Place) -> None:
        """Note a message that was looked through where it came from: a prompt holds it as it is."""
        policy = self._ingress.policy
        if policy.of(place) == policy.prompt:
            self._known[message] = None
            while len(self._known) > _KNOWN:
                del self._known[next(iter(self._known))]

    def _look(self, given: Sequence[Message]) -> None:
        known, given = len(self._given), tuple(given)
        if given[:known] == self._given:
            clean = (*self._clean, *map(self._one, given[known:]))
        else:
            before = dict(zip(self._given, self._clean, strict=True))
            clean = tuple(before.get(message) or self._one(message) for message in given)
        if self._told:
            # By the objects that are kept beside it.
            kept = set(map(id, clean))
            self._told = {key: told for key, told in self._told.items() if key in kept}
        self._given, self._clean = given, clean

    def _one(self, message: Message) -> Message:
        if message in self._known:
            return message
        scrubbed = self._ingress.message(message, "prompt")
        if scrubbed.value is not message:
            self._told[id(scrubbed.value)] = scrubbed
        return scrubbed.value
