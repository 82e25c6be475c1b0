"""Ingress: what personal data and secrets pass before anything is durable, and in which form.

Requests (the messages of a model step, the arguments of a call) are looked through before they
are looked up: log, digest, provider and tool see the same bytes. All other content is looked
through by the journal, before it seals it, so that no event passes unseen. Where something was
taken out, a `GuardRedacted` beside it tells how much of what.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.engine.secrets import Secrets
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.agent_events import AgentPayload
from quarterdeck_kernel.events.guard_events import GuardRedacted
from quarterdeck_kernel.events.model_events import ModelCompleted, ModelRequested
from quarterdeck_kernel.events.people_events import OperatorMessage
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolReconciled, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.personal_data.category import Found
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy, Place
from quarterdeck_kernel.guards.personal_data.scrubber import Finder, Scrubbed, Scrubber
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.vocabulary.messages import Message

GUARD: Final = "personal_data"

_LOOKED_THROUGH = (ModelRequested, ModelCompleted, ToolRequested)
"""Looked through by the step that makes them: what is asked and used is what is stored."""

_PLACES: Mapping[str, Place] = {
    "run_queued": "prompt",
    "operator_message": "prompt",
    "pause_resolved": "prompt",
    "signal_received": "prompt",
    "tool_completed": "result",
    "tool_evidence": "result",
    "tool_reconciled": "result",
    "workflow_step_completed": "result",
    "external_recorded": "result",
    "workflow_step_requested": "arguments",
    "pause_requested": "arguments",
    "grant_given": "arguments",
    "guard_warned": "arguments",
    "guard_denied": "arguments",
    "model_failed": "output",
    "run_succeeded": "output",
    "run_failed": "output",
}
"""What people write counts as a prompt, and so does whatever is not named here."""

_FROM_PEOPLE = frozenset({"run_queued", "operator_message", "pause_resolved", "signal_received"})
"""Kinds that are refused where they hold what is blocked: nothing has happened yet."""

_ENDS = frozenset({"run_succeeded", "run_failed", "run_cancelled", "run_timed_out"})


class Taken(NamedTuple):
    """Payloads as they are to be stored, and which of them were asked for."""

    payloads: tuple[AnyEvent, ...]
    asked_for: tuple[int, ...]


class Ingress:
    """Looks through what comes in. Pure but for the secrets it has learnt: one for a kernel."""

    def __init__(
        self,
        policy: PersonalDataPolicy | None = None,
        *,
        finders: Sequence[Finder] = (),
        secrets: Secrets | None = None,
    ) -> None:
        """Look through by a policy; without one, for secrets alone."""
        self.policy = policy or PersonalDataPolicy.everywhere("off")
        self.secrets = secrets or Secrets({})
        self._finders = tuple(finders)
        self._scrubber = Scrubber(self.policy, finders=finders, secrets=self.secrets)

    # -- values, as steps ask for them

    def text(self, text: str, place: Place) -> Scrubbed[str]:
        """Return a text as it may be stored."""
        return self._scrubber.text(text, place)

    def value(self, value: JsonValue, place: Place) -> Scrubbed[JsonValue]:
        """Return a value as it may be stored."""
        return self._scrubber.value(value, place)

    def json_text(self, text: str, place: Place) -> Scrubbed[str]:
        """Return a text that is mostly JSON as it may be stored."""
        return self._scrubber.json_text(text, place)

    def message(self, message: Message, place: Place) -> Scrubbed[Message]:
        """Return a message as it may be stored: its text, and the arguments of its calls."""
        text = self._scrubber.text(message.text, place)
        if not message.tool_calls:
            if text.value is message.text:
                return Scrubbed(message, {}, text.blocked)
            made = message.model_copy(update={"text": text.value})
            return Scrubbed(made, text.counts, text.blocked)
        parts: list[Scrubbed[str]] = [text]
        calls = []
        for call in message.tool_calls:
            given = self._scrubber.json_text(call.arguments, place)
            parts.append(given)
            calls.append(call.model_copy(update={"arguments": given.value}))
        counts, blocked = summed(p.counts for p in parts), summed(p.blocked for p in parts)
        if not counts and not blocked:
            return Scrubbed(message, {}, {})
        update = {"text": text.value, "tool_calls": tuple(calls)}
        return Scrubbed(message.model_copy(update=update), counts, blocked)

    def check_fact(self, value: JsonValue, what: str) -> None:
        """Refuse what stands in a header for ever, if it holds what is taken out elsewhere."""
        found = self._scrubber.value(value, "prompt")
        held = sorted({*found.counts, *found.blocked})
        if held:
            words = ", ".join(word.replace("_", " ") for word in held)
            raise InvalidError(
                f"{what} cannot be erased later, and hold what must not be kept ({words}); put it "
                "into a message, or leave it out"
            )

    @property
    def by_the_word(self) -> bool:
        """Tell whether what a model says can be looked through as it comes.

        A finder of one's own may need all of it, and a secret of several words is whole or not.
        """
        return not self._finders and not self.secrets.of_words

    def looks(self, place: Place) -> bool:
        """Tell whether anything is looked for in a place."""
        # One of those who are asked looks for secrets.
        return self.secrets.known or len(self._scrubber.asked(place)) > 1

    # -- what was stored when other things were taken out: by another policy, another version

    def same_message(self, recorded: Message, offered: Message) -> bool:
        """Tell whether a message on record is the one offered, but for what was taken out."""
        return (
            recorded == offered
            or self.message(recorded, "prompt").value == offered
            or self._all_taken_out.message(offered, "prompt").value == recorded
        )

    def same_arguments(self, recorded: JsonValue, offered: JsonValue) -> bool:
        """Tell whether arguments on record are those offered, but for what was taken out."""
        return (
            self.value(recorded, "arguments").value == offered
            or self._all_taken_out.value(offered, "arguments").value == recorded
        )

    @cached_property
    def _all_taken_out(self) -> "Ingress":
        return Ingress(PersonalDataPolicy(), finders=self._finders, secrets=self.secrets)

    # -- events, as the journal stores them

    def taken(self, payloads: Sequence[AnyEvent]) -> Taken:
        """Return payloads as they may be stored, with what was taken out of them.

        Raises `InvalidError` where a person gives what their place must not hold.
        """
        made: list[AnyEvent] = []
        redactions: list[GuardRedacted] = []
        for payload in payloads:
            if isinstance(payload, _LOOKED_THROUGH) or not self.looks(place := _place(payload)):
                made.append(payload)
                continue
            clean, redaction = self._looked_through(payload, place)
            made.append(clean)
            if redaction is not None:
                redactions.append(redaction)
        if not redactions:
            return Taken(tuple(made), tuple(range(len(made))))
        # Behind what it tells of, so that numbers of events that were reckoned with stay right;
        # but nothing stands behind the end of a run that belongs before it.
        last = made.pop() if made[-1].kind in _ENDS else None
        count = len(made)
        whole = (*made, *redactions, *([last] if last is not None else []))
        ends = (len(whole) - 1,) if last is not None else ()
        return Taken(whole, (*range(count), *ends))

    def _looked_through(
        self, payload: AnyEvent, place: Place
    ) -> tuple[AnyEvent, GuardRedacted | None]:
        update: dict[str, object] = {}
        counts: list[Mapping[Found, int]] = []
        blocked: list[Mapping[Found, int]] = []
        for name in payload.erasable_fields:
            content = getattr(payload, name)
            if content is None:
                continue
            scrubbed = self._content(content, place)
            if scrubbed.counts or scrubbed.blocked:
                update[name] = scrubbed.value
                counts.append(scrubbed.counts)
                blocked.append(scrubbed.blocked)
        if not update:
            return payload, None
        if (refused := summed(blocked)) and payload.kind in _FROM_PEOPLE:
            raise InvalidError(f"{refusal(refused, place)}; leave it out, and say it again")
        if refused and isinstance(payload, ToolCompleted):
            update |= _withheld(payload, update, refused)
        made = _rehashed(payload.model_copy(update=update))
        redaction = GuardRedacted(
            guard=GUARD,
            step_key=getattr(payload, "step_key", None),
            where="prompt" if place == "recording" else place,
            counts=_plain(summed([*counts, *blocked])),
        )
        return made, redaction

    def _content(self, content: object, place: Place) -> Scrubbed[object]:
        if isinstance(content, str):
            scrubbed: Scrubbed[object] = Scrubbed(*self._scrubber.text(content, place))
        elif isinstance(content, Message):
            scrubbed = Scrubbed(*self.message(content, place))
        elif isinstance(content, tuple):
            # Options, of which a person chooses one.
            looked = self._scrubber.value(list(content), place)
            chosen = looked.value if isinstance(looked.value, list) else list(content)
            scrubbed = Scrubbed(tuple(chosen), looked.counts, looked.blocked)
        else:
            scrubbed = Scrubbed(*self._scrubber.value(content, place))  # type: ignore[arg-type]
        return scrubbed


BARE: Final = Ingress()
"""Takes nothing out: for logs that are written without a kernel."""


def redacted(
    scrubbed: Mapping[Found, int], place: Place, step_key: str
) -> tuple[GuardRedacted, ...]:
    """Return the event that tells what was taken out, if anything was."""
    if not scrubbed:
        return ()
    where = "prompt" if place == "recording" else place
    event = GuardRedacted(guard=GUARD, step_key=step_key, where=where, counts=_plain(scrubbed))
    return (event,)


def refusal(blocked: Mapping[Found, int], place: Place) -> str:
    """Return what is told of something that must not pass: which, never what."""
    held = ", ".join(f"{word.replace('_', ' ')} ({n})" for word, n in sorted(blocked.items()))
    return f"this kernel lets none of this pass as {place}: {held}"


def summed(counts: Iterable[Mapping[Found, int]]) -> dict[Found, int]:
    """Return counts added up."""
    total: dict[Found, int] = {}
    for each in counts:
        for word, number in each.items():
            total[word] = total.get(word, 0) + number
    return total


def _plain(counts: Mapping[Found, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _place(payload: AnyEvent) -> Place:
    if payload.kind == "pause_resolved" and payload.decision == "edited":
        return "arguments"
    if isinstance(payload, AgentPayload):
        return "output"
    return _PLACES.get(payload.kind, "prompt")


def _withheld(
    payload: ToolCompleted, update: Mapping[str, object], blocked: Mapping[Found, int]
) -> dict[str, object]:
    """Return an outcome without its content: what happened has happened."""
    text = f"withheld: {refusal(blocked, 'result')}"
    if payload.outcome == "success":
        return {"result": None, "readable": False, "error": text, "printed": None}
    return {"error": text, "printed": None} if update else {}


def _rehashed(payload: AnyEvent) -> AnyEvent:
    """Return an event whose facts follow from its content, as they did before."""
    match payload:
        case ToolCompleted(message_digest=str()) | ToolReconciled(message_digest=str()):
            return payload.model_copy(update={"message_digest": tool_message(payload).digest()})
        case OperatorMessage(message_digest=str(), text=str(text)):
            digest = Message(role="user", text=text).digest()
            return payload.model_copy(update={"message_digest": digest})
        case _:
            return payload
