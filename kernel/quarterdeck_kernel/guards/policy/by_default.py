"""What a person is asked about where no rule of the settings speaks of a call.

A rule that allows, denies or asks takes its place; one that only warns does not. It is no policy:
enforced mode asks for rules of one's own.
"""

from collections.abc import Iterable
from pathlib import Path

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.policy.policy import Explained, PolicyGuard
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall
from quarterdeck_kernel.guards.verdict import ALLOW, Verdict


class ByDefault:
    """Judges by its own rules the calls that none of `others` speaks of."""

    name = "by_default"
    kind: GuardKind = "approval"

    def __init__(
        self, rules: Iterable[Rule], *, others: Iterable[Rule], root: Path | str = "."
    ) -> None:
        """Take the rules apart, once."""
        self._rules = PolicyGuard(rules, root=root)
        self._others = PolicyGuard([rule for rule in others if rule.verdict != "warn"], root=root)

    def judge(self, call: ProposedCall, /) -> Verdict:
        """Return what the rules come to for a call that nobody speaks of."""
        return ALLOW if self._is_spoken_of(call) else self._rules.judge(call)

    def explain(self, step: Proposed) -> tuple[Explained, ...]:
        """Return the rules that apply, and why; those that do not are nobody's business."""
        if not isinstance(step, ProposedCall) or self._is_spoken_of(step):
            return ()
        return tuple(each for each in self._rules.explain(step) if each.applies)

    def _is_spoken_of(self, call: ProposedCall) -> bool:
        return any(each.applies for each in self._others.explain(call))
