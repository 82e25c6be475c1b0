"""Beginning an agent's run: its configuration is pinned in the first event."""

from collections.abc import Mapping

from quarterdeck_kernel.agent.spec import AgentSpec
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.start import RunRequest
from quarterdeck_kernel.vocabulary.words import BudgetKind


def run_request(  # noqa: PLR0913 - one keyword for each thing that a run is begun with
    spec: AgentSpec,
    objective: str,
    *,
    tenant: str,
    run_id: str | None = None,
    idempotency_key: str | None = None,
    model: str | None = None,
    budgets: Mapping[BudgetKind, int] | None = None,
    deadline_us: int | None = None,
    parent: RunState | None = None,
    parent_intent_seq: int | None = None,
) -> RunRequest:
    """Return what begins a run of an agent; what is given here goes before what its spec says."""
    if not objective.strip():
        raise InvalidError(f"agent {spec.name!r} was given nothing to do; say what it is to reach")
    run_time_s = spec.max_run_time_s
    return RunRequest(
        agent=spec.name,
        objective=objective,
        tenant=tenant,
        run_id=run_id,
        idempotency_key=idempotency_key,
        model=model or spec.model,
        tier=spec.tier,
        parameters=spec.parameters,
        config=spec.config(),
        config_digest=spec.digest(),
        budgets=budgets or {},
        deadline_us=deadline_us,
        max_run_time_us=int(run_time_s * 1_000_000) if run_time_s is not None else None,
        parent_run_id=parent.identity.run_id if parent is not None else None,
        parent_intent_seq=parent_intent_seq,
        depth=parent.identity.depth + 1 if parent is not None else 0,
    )
