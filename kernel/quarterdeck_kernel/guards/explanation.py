"""What became of a step, or would: one word, who says so, and every rule that was looked at."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from quarterdeck_kernel.guards.chain import Judged
from quarterdeck_kernel.guards.policy.policy import Explained

Outcome = Literal["allow", "warn", "require_approval", "hold", "deny"]


class Explanation(NamedTuple):
    """What becomes of a step. A pause may come from several guards: its rule says which."""

    outcome: Outcome
    guard: str | None = None
    rule: str | None = None
    reason: str | None = None
    rules: tuple[Explained, ...] = ()


def explanation_of(said: Judged, rules: Iterable[Explained]) -> Explanation:
    """Return what guards come to, with the rules behind it."""
    looked = tuple(rules)
    if said.denial is not None:
        guard, denial = said.denial
        return Explanation("deny", guard, denial.rule, denial.reason, looked)
    if said.hold is not None:
        guard, hold = said.hold
        return Explanation("hold", guard, hold.rule, hold.reason, looked)
    if said.pause is not None:
        return Explanation("require_approval", None, said.pause.rule, said.pause.title, looked)
    for guard, warning in said.warnings:
        return Explanation("warn", guard, warning.rule, warning.reason, looked)
    return Explanation("allow", rules=looked)
