"""What settings say of a step, as lines for people and as data for scripts."""

from collections.abc import Iterator

from quarterdeck.views.plain import plain
from quarterdeck_kernel.guards.explanation import Explanation

OUTCOMES = {
    "allow": "would be allowed",
    "warn": "would be made, with a warning",
    "require_approval": "would wait for a person",
    "hold": "would hold the run",
    "deny": "would be refused",
}


def explanation_lines(step: str, said: Explanation) -> Iterator[str]:
    """Yield what becomes of a step and why, each rule with what it looked at."""
    by = f" by {said.guard}" if said.guard is not None else ""
    reason = f": {said.reason}" if said.reason is not None else ""
    yield plain(f"{step} {OUTCOMES[said.outcome]}{by}{reason}")
    for each in said.rules:
        applies = "applies" if each.applies else "does not apply"
        yield plain(f"  rule {each.rule.name} ({each.rule.verdict}) {applies}")
        for look in each.because:
            yield plain(f"    {'yes' if look.holds else 'no '} {look.text}")


def explanation_data(step: str, said: Explanation) -> dict[str, object]:
    """Return the same as data; its fields are a promise."""
    return {
        "step": step,
        "outcome": said.outcome,
        "guard": said.guard,
        "rule": said.rule,
        "reason": said.reason,
        "rules": [
            {
                "name": each.rule.name,
                "verdict": each.rule.verdict,
                "applies": each.applies,
                "because": [{"text": look.text, "holds": look.holds} for look in each.because],
            }
            for each in said.rules
        ],
    }
