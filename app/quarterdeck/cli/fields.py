"""The fields of every `--json`: what scripts may rely on, in this one place.

A field is never renamed or removed, and keeps its meaning; new ones may come. Times (`_us`) are
microseconds since 1970 in UTC, money is whole micro-dollars (`_micros`) or an exact decimal of
dollars as text (`_usd`). What is not known, or does not apply, is null. Nothing here is imported
but types, so that `--help` can name the fields at once.
"""

from typing import Any, Literal, TypedDict


class ActorFields(TypedDict):
    """Who did something. `os_user` and `host` are what the operating system says of a person."""

    kind: Literal["agent", "kernel", "operator"]
    name: str | None
    host: str | None
    os_user: str | None


class RunFields(TypedDict):
    """A run as the fleet shows it. `need` is the most pressing of what applies to it."""

    run_id: str
    tenant: str
    agent: str
    objective: str
    status: str
    need: str
    waits_for: str | None
    parent_run_id: str | None
    fork_of: str | None
    fork_seq: int | None
    depth: int
    person: str | None
    model: str | None
    mode: str
    turn: int
    tokens: int
    cost_micros: int
    cost_unknown: bool
    budget_micros: int | None
    created_us: int
    changed_us: int
    deadline_us: int | None
    cancel_requested_us: int | None
    head_seq: int
    read_only: str | None


class RunsFields(TypedDict):
    """`runs`: those that press most first. `more`: there are more than were asked for."""

    runs: list[RunFields]
    more: bool


class ItemFields(TypedDict):
    """One thing that waits for a person. `id` is what the deciding commands take.

    `kind` is `pause` or `unknown`; `type` is that of a pause. `details` are what is asked about:
    of a call its arguments and preview. `digest` stands for exactly what would run. `path` are the
    agents from the run that was begun down to the one that asks.
    """

    id: str
    run_id: str
    item_id: str
    kind: str
    type: str | None
    tenant: str
    agent: str
    path: list[str]
    title: str
    tool: str | None
    risk: str | None
    step_key: str
    seq: int
    since_us: int
    deadline_us: int | None
    digest: str | None
    details: Any
    options: list[str]
    answer_schema: dict[str, Any] | None
    people_needed: int
    people_agreed: list[str]


class InboxFields(TypedDict):
    """`inbox`: the nearest deadline first, then the oldest."""

    items: list[ItemFields]


class HoldFields(TypedDict):
    """What keeps a run from going on, until it is released."""

    seq: int
    by: str
    reason: str | None
    since_us: int


class BudgetFields(TypedDict):
    """A bound of a run: what is used, set aside and left of it."""

    budget: str
    limit: int | None
    used: int
    reserved: int
    left: int | None
    revision: int


class ScopeFields(TypedDict):
    """Which tools a run sees. It is staged while `revision` is above `applied`."""

    scope: str
    tools: list[str]
    revision: int
    applied: int


class DriverFields(TypedDict):
    """Who drives a run, or did last."""

    live: bool
    epoch: int
    host: str | None
    pid: int | None


class GrantFields(TypedDict):
    """What may go unasked in a run. `constraints` is the JSON schema its arguments must fit."""

    grant_id: str
    run_id: str
    tool: str
    pause_id: str
    seq: int
    constraints: dict[str, Any] | None
    by: ActorFields
    at_us: int


class GrantsFields(TypedDict):
    """`grants`: those that stand."""

    grants: list[GrantFields]


class ChildFields(TypedDict):
    """A sub-agent at work."""

    run_id: str
    agent: str


class ForkFields(TypedDict):
    """Whose events a fork shares, and up to which."""

    run_id: str
    seq: int
    hash: str


class EndFields(TypedDict):
    """How a run ended. `answer` is the best there is, if it failed."""

    seq: int
    kind: str
    error: str | None
    message: str | None
    answer: Any
    acknowledged: bool


class ShowFields(RunFields):
    """`show`: a run, and everything open in it."""

    driver: DriverFields
    tier: str | None
    parameters: dict[str, Any]
    model_revision: int
    scope: ScopeFields
    budgets: list[BudgetFields]
    items: list[ItemFields]
    holds: list[HoldFields]
    grants: list[GrantFields]
    children: list[ChildFields]
    messages_waiting: int
    forked_from: ForkFields | None
    end: EndFields | None


class EventFields(TypedDict):
    """`events`: a line an event. `payload` holds its facts and, unless erased, its content."""

    run_id: str
    seq: int
    event_id: str
    kind: str
    tenant: str
    at_us: int
    actor: ActorFields
    epoch: int | None
    prev: str | None
    hash: str
    content: str
    payload: dict[str, Any]


class LedgerLineFields(TypedDict):
    """A sum of the ledger. What it is not parted by is null.

    Where `unknown_costs` is above 0, `cost_usd` is a lower bound.
    """

    run_id: str | None
    tenant: str | None
    person: str | None
    agent: str | None
    kind: str | None
    name: str | None
    period: str | None
    cost_usd: str
    unknown_costs: int
    input_tokens: int
    output_tokens: int
    model_calls: int
    tool_calls: int
    busy_us: int


class LedgerFields(TypedDict):
    """`ledger`: a line for each value of what it is parted by."""

    lines: list[LedgerLineFields]


class FaultFields(TypedDict):
    """The first thing that is wrong."""

    kind: str
    run_id: str | None
    seq: int | None
    message: str


class ErasedFields(TypedDict):
    """An event whose content is gone by decision."""

    run_id: str
    seq: int


class VerifyFields(TypedDict):
    """`verify`: what was checked, and the first thing that is wrong."""

    ok: bool
    runs: int
    events: int
    erased: list[ErasedFields]
    fault: FaultFields | None


class HeadFields(TypedDict):
    """Where the log of a run ends."""

    run_id: str
    seq: int
    hash: str


class HeadsFields(TypedDict):
    """`heads`: the newest link of the chain over all runs, and where each run ends."""

    workspace_id: str
    position: int
    link: str
    heads: list[HeadFields]


class AgentFields(TypedDict):
    """An agent that is configured, or has worked here. `waiting` counts runs that need a person.

    `source` is where it is from: null where it is known by its runs alone. `trouble` says why it
    cannot be used now.
    """

    name: str
    source: str | None
    trouble: str | None
    model: str | None
    tools: list[str]
    runs: int
    open: int
    waiting: int
    cost_usd: str
    unknown_costs: int
    model_calls: int
    tool_calls: int


class AgentsFields(TypedDict):
    """`agents`: by name."""

    agents: list[AgentFields]


class ToolFields(TypedDict):
    """A tool. `probe`: it can find out how a call ended whose outcome is not known.

    `secrets` are the names of those that it may be sent.
    """

    name: str
    source: str
    description: str
    effect: str
    risk: str
    capability: str | None
    probe: bool
    preview: bool
    version: str
    secrets: list[str]
    parameters: dict[str, Any]


class ServerFields(TypedDict):
    """An MCP server. `trouble` says why it is down; `left_out` are tools that cannot be used."""

    name: str
    connected: bool
    tools: int
    trouble: str | None
    left_out: list[str]


class ToolsFields(TypedDict):
    """`tools`: those of the workspace. `troubles` are what its settings name and is not there."""

    tools: list[ToolFields]
    servers: list[ServerFields]
    troubles: list[str]


class ModelFields(TypedDict):
    """A model of the settings, or one that was asked here. `gguf` is the file of a local one.

    `key_variable` is the environment's variable that its provider usually reads, `key_present`
    whether there is one; both are null where the provider is not known here.
    """

    name: str
    configured: bool
    tier: str | None
    input_usd: str | None
    output_usd: str | None
    window_tokens: int | None
    gguf: str | None
    key_variable: str | None
    key_present: bool | None
    model_calls: int
    cost_usd: str
    unknown_costs: int


class ModelsFields(TypedDict):
    """`models`: by name. Prices are dollars for a million tokens."""

    models: list[ModelFields]


class CheckFields(TypedDict):
    """One thing that was looked at; `level` is good, note or bad."""

    name: str
    level: str
    detail: str


class DoctorFields(TypedDict):
    """`doctor`: what was looked at. `rebuilt` counts runs whose rows were made anew."""

    ok: bool
    checks: list[CheckFields]
    rebuilt: int | None


class BackupFields(TypedDict):
    """`backup`: the copy, and the link of the chain before it was begun."""

    file: str
    bytes: int
    position: int
    link: str
