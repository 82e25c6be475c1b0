"""Outcomes that are known here and that the disk did not take yet: written before anything else."""

from collections.abc import Sequence

from quarterdeck_kernel.events.agent_events import ArtifactWritten
from quarterdeck_kernel.events.tool_events import ToolCompleted
from quarterdeck_kernel.events.workflow_events import WorkflowStepCompleted
from quarterdeck_kernel.projections.state import RunState

Completed = ToolCompleted | WorkflowStepCompleted
"""How an effect ended: what may be owed to the log."""


Settled = Completed | ArtifactWritten
"""An outcome, and what is written with it."""


class Debts(dict[int, Sequence[Settled]]):
    """What one driver owes, by intent."""

    def payable(self, state: RunState) -> Sequence[Settled]:
        """Return what can still be written: another driver may have closed the rest."""
        still_open = open_effects(state)
        return [event for seq, owed in self.items() if seq in still_open for event in owed]


def open_effects(state: RunState) -> frozenset[int]:
    """Return the intents of all effects whose outcome is not on record."""
    return frozenset(state.tool_intents) | frozenset(state.workflow_intents)
