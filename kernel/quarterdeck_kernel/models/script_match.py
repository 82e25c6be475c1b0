"""Which rules of a script apply to a request: pure, and hence the same after a restart.

An answer that may be given only so often is counted in the conversation itself, by playing it
again: every assistant message in it was the answer to what stands before it. What was compacted
away is forgotten; a script for such a run asks for what was said rather than for turns.
"""

import re
from collections import Counter
from collections.abc import Iterator

from quarterdeck_kernel.models.port import ModelRequest
from quarterdeck_kernel.models.script import Answer, Rule, Script, When
from quarterdeck_kernel.vocabulary.messages import Message


class Standing:
    """What a conversation has come to: all that a rule may ask of it."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        """Begin before the first message."""
        self.last_said = ""
        self.turns = 0
        self.results = 0
        self.answered: Counter[str] = Counter()
        self._tools_by_call: dict[str, str] = {}
        # Only a rule that listens anywhere has to see every message, and only until it has heard.
        self._listening = [rule.when for rule in rules if _listens(rule.when)]
        self._heard: list[When] = []

    def hear(self, message: Message) -> None:
        """Take in the next message."""
        if self._listening:
            heard = [when for when in self._listening if _heard_in(when, message.text)]
            self._heard += heard
            self._listening = [when for when in self._listening if when not in heard]
        if message.role == "user":
            self.last_said = message.text
            self.results = 0
            self.answered.clear()
        elif message.role == "assistant":
            self.turns += 1
            self._tools_by_call.update((call.call_id, call.tool) for call in message.tool_calls)
        elif message.role == "tool":
            self.results += 1
            # A result whose call was compacted away still counts, without a name.
            self.answered[self._tools_by_call.get(message.call_id or "", "")] += 1

    def fits(self, when: When) -> bool:
        """Tell whether the conversation is as a rule wants it."""
        return (
            (when.turns is None or when.turns == self.turns)
            and (when.results is None or when.results == self.results)
            and (when.said is None or when.said in self.last_said)
            and (
                when.said_pattern is None
                or re.search(when.said_pattern, self.last_said) is not None
            )
            and (not when.answered or Counter(when.answered) <= self.answered)
            and (not _listens(when) or when in self._heard)
        )


def matching(script: Script, request: ModelRequest) -> Iterator[tuple[int, Rule]]:
    """Yield the rules that apply, each with its place, in order; of answers, those not used up."""
    standing = Standing(script.rules)
    used: Counter[int] = Counter()
    for message in request.messages:
        if message.role == "assistant":
            used.update(_author(script, standing, used, message))
        standing.hear(message)
    for place, rule in enumerate(script.rules):
        if (
            (rule.failure is not None or _left(rule, used[place]))
            and standing.fits(rule.when)
            and _asked_so(rule.when, request)
        ):
            yield place, rule


def _author(
    script: Script, standing: Standing, used: Counter[int], message: Message
) -> tuple[int, ...]:
    """Return the place of the rule that gave an answer, or nothing if no rule can have.

    The text is compared only to tell rules apart that both fit, for it may have been redacted
    since. Which tools were offered and whether a schema was asked for is not known of the past.
    """
    fitting = [
        (place, rule.answer)
        for place, rule in enumerate(script.rules)
        if rule.answer is not None
        and _calls_alike(rule.answer, message)
        and _left(rule, used[place])
        and standing.fits(rule.when)
    ]
    same = [place for place, answer in fitting if answer.text == message.text]
    return tuple((same or [place for place, _ in fitting])[:1])


def _left(rule: Rule, used: int) -> bool:
    return rule.times is None or used < rule.times


def _calls_alike(answer: Answer, message: Message) -> bool:
    return [call.tool for call in answer.calls] == [call.tool for call in message.tool_calls]


def _asked_so(when: When, request: ModelRequest) -> bool:
    return (
        (when.model is None or when.model == request.model)
        and (when.schema_asked is None or when.schema_asked == (request.answer_schema is not None))
        and (not when.offered or set(when.offered) <= {tool.name for tool in request.tools})
    )


def _listens(when: When) -> bool:
    return when.anywhere is not None or when.anywhere_pattern is not None


def _heard_in(when: When, text: str) -> bool:
    return (when.anywhere is None or when.anywhere in text) and (
        when.anywhere_pattern is None or re.search(when.anywhere_pattern, text) is not None
    )
