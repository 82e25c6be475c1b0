"""A run as its user holds it."""

from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.projections.state import RunState


class Run:
    """A handle on one run, made by a kernel. Two handles on one run share its one driver."""

    def __init__(self, driver: RunDriver) -> None:
        self.driver = driver

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
