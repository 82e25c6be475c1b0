"""The fields of `--json` of the commands about a run's past; promised as `fields` are."""

from typing import Any, TypedDict

from quarterdeck.cli.fields import ActorFields


class BookmarkFields(TypedDict):
    """`bookmarks` and `note`: a note about an event. In a fork some are its parent's."""

    bookmark_id: str
    run_id: str
    seq: int
    note: str
    by: ActorFields
    at_us: int


class EffectFields(TypedDict):
    """What a step does; `effect` is read, idempotent, once or model."""

    seq: int
    step_key: str
    name: str
    effect: str


class ForkTotalsFields(TypedDict):
    """How much stands on one side of the place where a run is forked."""

    model_calls: int
    tool_calls: int
    cost_micros: int


class ForkPlanFields(TypedDict):
    """What a fork comes to.

    `recorded` is answered from the record, `again` begun anew, of `unknown` a verdict is asked for;
    `ahead` is what the parent did next, of which `asks_first` waits for a person; from what is
    `barred` its tools keep the fork.
    """

    seq: int
    head_seq: int
    changed: list[str]
    replayed: ForkTotalsFields
    behind: ForkTotalsFields
    recorded: list[EffectFields]
    again: list[EffectFields]
    unknown: list[EffectFields]
    pauses: list[str]
    ahead: list[EffectFields]
    barred: list[EffectFields]
    asks_first: list[EffectFields]
    more: bool
    budget_micros: int | None
    left_micros: int | None


class ForkedFields(TypedDict):
    """`fork`: the run that was begun (null with `--plan`), its parent, and what it comes to."""

    run_id: str | None
    parent_run_id: str
    plan: ForkPlanFields


class MergedFields(TypedDict):
    """`merge`: the event in the run that the fork was merged into."""

    run_id: str
    fork_run_id: str
    seq: int
    answer: Any
    files: list[str]


class RunTotalsFields(TypedDict):
    """What a run came to, with all that it shares with others."""

    run_id: str
    head_seq: int
    status: str
    turn: int
    cost_micros: int
    cost_unknown: bool
    tokens: int
    model_calls: int
    tool_calls: int
    busy_us: int
    lasted_us: int | None


class StepFields(TypedDict):
    """A step of a run, however often it was tried."""

    seq: int
    kind: str
    name: str
    ended_seq: int | None
    outcome: str | None
    tries: int
    cost_micros: int | None
    duration_us: int


class PairFields(TypedDict):
    """The same step of two runs; `parting` is null, asked, answered, only_a or only_b."""

    key: str
    parting: str | None
    a: StepFields | None
    b: StepFields | None


class DivergenceFields(TypedDict):
    """Where two runs part first."""

    key: str
    parting: str
    a_seq: int | None
    b_seq: int | None
    a_text: str | None
    b_text: str | None


class CompareFields(TypedDict):
    """`compare`: two runs that share their first `shared_seq` events, and their steps since."""

    a: RunTotalsFields
    b: RunTotalsFields
    shared_seq: int
    first: DivergenceFields | None
    pairs: list[PairFields]
    more: bool


class FileFields(TypedDict):
    """A file as it was; without `sha256` it was gone. `seq` is the event that made it so."""

    path: str
    seq: int
    sha256: str | None
    size: int
    kept: bool


class SaidFields(TypedDict):
    """A message of a conversation."""

    seq: int
    role: str
    text: str
    tools: list[str]


class ChangedFields(TypedDict):
    """A value that is another."""

    panel: str
    name: str
    before: Any
    after: Any


class FileChangedFields(TypedDict):
    """A file that is another; null where the run had not touched it."""

    path: str
    before: FileFields | None
    after: FileFields | None
    diff: str | None


class DifferenceFields(TypedDict):
    """What is between two moments: the first `common` messages are the same."""

    seq: int
    values: list[ChangedFields]
    common: int
    gone: list[SaidFields]
    said: list[SaidFields]
    files: list[FileChangedFields]


class StateFields(TypedDict):
    """`state`: a run behind an event.

    `messages` counts those of its conversation, `said` are the newest; `difference` is what came
    since `--since`.
    """

    run_id: str
    seq: int
    head_seq: int
    panels: dict[str, Any]
    files: list[FileFields]
    messages: int
    said: list[SaidFields]
    difference: DifferenceFields | None


class ReplayFields(TypedDict):
    """`replay --check`: whether the code does what is on record; `seq` is where they part."""

    run_id: str
    head_seq: int
    equal: bool
    complete: bool
    sentence: str
    seq: int | None
    recorded: str | None
    offered: str | None
    raised: str | None


class RestoredFields(TypedDict):
    """`restore`: the event of it; null if the file held that already."""

    run_id: str
    path: str
    as_of: int
    seq: int | None


class TurnCallFields(TypedDict):
    """A call of a turn. `outcome` is that of the tool; None while it is not known."""

    tool: str
    outcome: str | None
    duration_us: int | None


class TurnFields(TypedDict):
    """`events --turns`: a line a turn. A cost of None is one nobody knows."""

    run_id: str
    turn: int
    seq: int
    at_us: int
    models: list[str]
    tier: str | None
    input_tokens: int
    output_tokens: int
    cost_micros: int | None
    latency_us: int
    tools: list[TurnCallFields]
