"""All scenarios, by name."""

from typing import Final

from tests.crash.scenarios.agents import Parallel, Plain, Retries, Streaming, SubRun, Typed
from tests.crash.scenarios.budgets import Budget
from tests.crash.scenarios.crew import Crew, Team
from tests.crash.scenarios.flows import CancelledFlow, Doubtful, Workflow
from tests.crash.scenarios.people import (
    Approval,
    Asking,
    CancelAtBoundary,
    CancelNow,
    Granted,
    Held,
)
from tests.crash.scenarios.scenario import Scenario

SCENARIOS: Final[dict[str, Scenario]] = {
    kind.name: kind()
    for kind in (
        Plain,
        Retries,
        Parallel,
        Asking,
        Approval,
        Granted,
        Workflow,
        Streaming,
        Doubtful,
        SubRun,
        CancelAtBoundary,
        CancelNow,
        Held,
        CancelledFlow,
        Typed,
        Crew,
        Team,
        Budget,
    )
}
