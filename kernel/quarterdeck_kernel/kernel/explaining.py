"""What settings would say of a step that nobody has asked for: which rules apply, and why."""

from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck_kernel.guards.chain import Chain, Judged
from quarterdeck_kernel.guards.explanation import Explanation, explanation_of
from quarterdeck_kernel.guards.policy.by_default import ByDefault
from quarterdeck_kernel.guards.policy.policy import PolicyGuard
from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall
from quarterdeck_kernel.kernel.guarding import guards_of

if TYPE_CHECKING:
    from quarterdeck_kernel.settings.settings import Settings


async def explained(settings: "Settings", step: Proposed, *, root: Path) -> Explanation:
    """Judge a step as a kernel with these settings would."""
    guards = guards_of(settings, root=root)
    chain = Chain(guards)
    judging = chain.judged(step) if isinstance(step, ProposedCall) else chain.judged_request(step)
    policies = [guard for guard in guards if isinstance(guard, PolicyGuard | ByDefault)]
    rules = [each for policy in policies for each in policy.explain(step)]
    said = judging if isinstance(judging, Judged) else await judging
    return explanation_of(said, rules)
