"""What is set aside for a call that is begun now, and whether what was judged still holds."""

from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import AccountRefusedError
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.reservation import Reservation


def reservation_of(driver: RunDriver, *, micros: int | None = None, tokens: int = 0) -> Reservation:
    """Return what is to be set aside, on all accounts that the run's calls count against."""
    who = driver.state.identity
    return driver.budgets.reservation(
        tenant=driver.tenant,
        person=who.person,
        agent=who.agent,
        at_us=driver.clock.now_us(),
        micros=micros,
        tokens=tokens,
    )


def check_budgets(judged: RunState, state: RunState) -> None:
    """Raise where a budget of the run was changed since a step was judged: it is judged again."""
    if judged.conditions.budgets != state.conditions.budgets:
        text = f"the budgets of run {state.identity.run_id!r} were changed meanwhile; look again"
        raise AccountRefusedError(text, account="run")
