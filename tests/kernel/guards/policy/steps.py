"""Steps for tests of policies: calls and requests of a run that somebody began."""

from pydantic import JsonValue

from quarterdeck_kernel import ProposedCall, ProposedRequest, RunState
from quarterdeck_kernel.projections.open_items import Identity
from quarterdeck_kernel.projections.run_state import empty

CAPTAIN = Identity(
    run_id="run", tenant="acme", agent="purser", person="ada", objective="o", os_user="adal"
)


def state(identity: Identity = CAPTAIN) -> RunState:
    made = empty()
    made.identity = identity
    return made


def call(
    arguments: dict[str, JsonValue] | None = None, *, identity: Identity = CAPTAIN, at_us: int = 0
) -> ProposedCall:
    return ProposedCall(
        run_id="run",
        tenant=identity.tenant,
        step_key="s",
        tool="pay",
        version="1",
        effect="once",
        capability="money",
        risk="medium",
        arguments=arguments or {},
        preview=None,
        state=state(identity),
        at_us=at_us,
    )


def request(model: str = "small-1", *, tokens: int = 0) -> ProposedRequest:
    return ProposedRequest(
        run_id="run",
        tenant="acme",
        step_key="s",
        model=model,
        tier=None,
        purpose="turn",
        tokens=tokens,
        state=state(),
        at_us=0,
    )
