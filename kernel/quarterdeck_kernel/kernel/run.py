"""A run as its user holds it."""

import asyncio
from typing import Literal, get_args

from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.projections.state import RunState

DriftPolicy = Literal["strict", "fork"]
"""What becomes of code that asks for something else than is on record: a `DriftError`, or a fork
behind what it asks for as before."""


def checked_policy(policy: DriftPolicy) -> DriftPolicy:
    """Return a policy that there is."""
    if policy not in get_args(DriftPolicy):
        raise InvalidError(
            f"{policy!r} is no policy for a drift; say one of {get_args(DriftPolicy)}"
        )
    return policy


class Run:
    """A handle on one run, made by a kernel. Two handles on one run share its one driver.

    With `on_drift="fork"` it stands for the fork from there on: `run_id` says for which.
    """

    def __init__(self, driver: RunDriver, on_drift: DriftPolicy = "strict") -> None:
        self.driver = driver
        self.on_drift: DriftPolicy = on_drift
        self.turning = asyncio.Lock()

    @property
    def run_id(self) -> str:
        """Return the run's id."""
        return self.driver.run_id

    @property
    def tenant(self) -> str:
        """Return who owns the run."""
        return self.driver.tenant

    @property
    def state(self) -> RunState:
        """Return the state behind the newest event known here."""
        return self.driver.state

    def __repr__(self) -> str:
        return f"<Run {self.run_id} {self.state.status}>"
