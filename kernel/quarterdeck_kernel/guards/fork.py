"""The guard of forks: what the run it was forked from may have done is not done again unasked."""

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.guards.verdict import ALLOW, Pause, Verdict


class ForkGuard:
    """Asks before every `once` effect of a fork that a person made."""

    name: str = "fork"
    kind: GuardKind = "approval"

    def judge(self, call: ProposedCall) -> Verdict:
        """Judge a call: what is safe to repeat goes."""
        if call.effect != "once" or not call.state.conditions.asks_before_once:
            return ALLOW
        return Pause(title=f"{call.tool}, in a fork: its parent may have done it", rule="once")
