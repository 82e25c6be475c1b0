"""The policy: all rules asked about a step, and what they come to.

The first denial wins, then the strictest verdict. A rule that allows changes nothing that another
says: adding a rule never turns a denial into anything else.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.policy.conditions import Condition, of_call, of_request
from quarterdeck_kernel.guards.policy.rule import Rule, RuleVerdict
from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import Allow, Deny, Pause, Verdict, Warn, stricter

P = TypeVar("P", bound=Proposed)

_STRENGTH: Final[dict[RuleVerdict, int]] = {
    "allow": 0,
    "warn": 1,
    "require_approval": 2,
    "deny": 3,
}


class Ready(NamedTuple, Generic[P]):
    """A rule that is ready to be asked."""

    rule: Rule
    identity: str
    conditions: tuple[Condition[P], ...]

    def applies(self, step: P) -> bool:
        """Tell whether everything it names holds."""
        return all(condition.holds(step) for condition in self.conditions)


class Looked(NamedTuple):
    """What became of one condition, as a person reads it."""

    text: str
    holds: bool


class Explained(NamedTuple):
    """Whether a rule applies to a step, and why."""

    rule: Rule
    applies: bool
    because: tuple[Looked, ...]


class PolicyGuard:
    """Judges by rules. `root` is the folder that relative paths in arguments begin at."""

    name = "policy"
    kind: GuardKind = "policy"

    def __init__(self, rules: Iterable[Rule], *, root: Path | str = ".") -> None:
        """Take the rules apart, once."""
        rules, root = tuple(rules), Path(root)
        self._of_calls = tuple(
            Ready(rule, rule.identity, of_call(rule, root)) for rule in rules if rule.about_calls
        )
        self._of_requests = tuple(
            Ready(rule, rule.identity, of_request(rule)) for rule in rules if rule.about_requests
        )

    def judge(self, call: ProposedCall, /) -> Verdict:
        """Return what the rules come to for a tool call."""
        return verdict_of([each for each in self._of_calls if each.applies(call)])

    def judge_request(self, request: ProposedRequest, /) -> Verdict:
        """Return what the rules come to for a model request."""
        return verdict_of([each for each in self._of_requests if each.applies(request)])

    def explain(self, step: Proposed) -> tuple[Explained, ...]:
        """Return for each rule that is about such steps whether it applies, and why."""
        if isinstance(step, ProposedCall):
            return tuple(_explained(each, step) for each in self._of_calls)
        return tuple(_explained(each, step) for each in self._of_requests)


def verdict_of(applied: Sequence[Ready[P]]) -> Verdict:
    """Return what the rules that apply come to. All of them are named in it."""
    named = tuple(each.identity for each in applied)
    strongest = max((_STRENGTH[each.rule.verdict] for each in applied), default=0)
    deciding = [each for each in applied if _STRENGTH[each.rule.verdict] == strongest]
    if strongest == _STRENGTH["allow"]:
        return Allow(rules=named)
    first = deciding[0]
    if strongest == _STRENGTH["deny"]:
        return Deny(reason=_reason(first), rule=first.rule.name, rules=named)
    reason = "; ".join(_reason(each) for each in deciding)
    if strongest == _STRENGTH["warn"]:
        rule = ", ".join(each.rule.name for each in deciding)
        return Warn(reason=reason, rule=rule, rules=named)
    pause = _pause(first.rule, reason)
    for each in deciding[1:]:
        pause = stricter(pause, _pause(each.rule, reason))
    rule = ", ".join(each.rule.name for each in deciding)
    return pause.model_copy(update={"rule": rule, "rules": named})


def _pause(rule: Rule, title: str) -> Pause:
    return Pause(
        title=title,
        risk=rule.risk,
        people_needed=rule.people_needed or 1,
        expires_after_s=rule.expires_after_s,
    )


def _reason(ready: Ready[P]) -> str:
    """Return why, in the words of whoever wrote the rule where there are any."""
    if ready.rule.reason is not None:
        return ready.rule.reason
    held = ", ".join(condition.text for condition in ready.conditions) or "it is for every step"
    return f"rule {ready.rule.name!r}: {held}"


def _explained(ready: Ready[P], step: P) -> Explained:
    looked = tuple(Looked(each.text, each.holds(step)) for each in ready.conditions)
    return Explained(ready.rule, all(each.holds for each in looked), looked)
