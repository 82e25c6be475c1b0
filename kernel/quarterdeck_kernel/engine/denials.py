"""What whoever asked for a step is told of a denial, now or when it is found on record."""

from quarterdeck_kernel.errors import DeniedError, MissingCapabilityError
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.guards.capability.guard import CAPABILITY


def denied(denial: GuardDenied, seq: int) -> DeniedError:
    """Return the error for a step that guards do not let pass."""
    what = repr(denial.tool) if denial.tool is not None else f"model step {denial.step_key!r}"
    kind = MissingCapabilityError if denial.guard == CAPABILITY else DeniedError
    return kind(f"{what} was denied by {denial.guard}: {denial.reason}", seq=seq)
