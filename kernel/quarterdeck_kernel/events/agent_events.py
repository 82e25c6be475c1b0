"""Events of an agent's own household: context, memory, skills, children, artifacts."""

from typing import Literal

from quarterdeck_kernel.events.payload import Erasable, Payload
from quarterdeck_kernel.vocabulary.ids import RunId
from quarterdeck_kernel.vocabulary.messages import Context, Message
from quarterdeck_kernel.vocabulary.words import Status


class AgentPayload(Payload):
    """What an agent keeps and makes."""


class ContextCompacted(AgentPayload):
    """The list of messages was shortened; later requests may name this event as base.

    `context` builds the shortened list: its one `new` message is the summary, which model step
    `summary_seq` made.
    """

    kind: Literal["context_compacted"] = "context_compacted"
    summary_seq: int
    context: Context
    tokens_before: int
    tokens_after: int
    summary: Erasable[Message]


class MemoryChanged(AgentPayload):
    """The agent's core memory changed; `key` is that of the call which changed it."""

    kind: Literal["memory_changed"] = "memory_changed"
    key: str | None = None
    operation: Literal["append", "replace", "remove"]
    index: int | None = None
    text: Erasable[str]


class SkillLoaded(AgentPayload):
    """A skill is visible in full from here on."""

    kind: Literal["skill_loaded"] = "skill_loaded"
    skill: str
    digest: str


class ChildStarted(AgentPayload):
    """A sub-agent runs for this one."""

    kind: Literal["child_started"] = "child_started"
    child_run_id: RunId
    agent: str
    intent_seq: int | None = None
    allotment_micros: int | None = None


class ChildFinished(AgentPayload):
    """A sub-agent ended; what it spent comes out of its allotment."""

    kind: Literal["child_finished"] = "child_finished"
    child_run_id: RunId
    status: Status
    spent_micros: int
    spent_unknown: bool = False
    head_seq: int
    head_hash: str


class ArtifactWritten(AgentPayload):
    """A file changed. `before` and `after` name blobs, so that any moment can be restored.

    The hashes are those of the contents; `size` is that of what the file holds now.
    """

    kind: Literal["artifact_written"] = "artifact_written"
    intent_seq: int | None = None
    operation: Literal["written", "deleted", "restored"]
    before: str | None = None
    after: str | None = None
    size: int = 0
    path: Erasable[str]
    before_sha256: Erasable[str] = None
    after_sha256: Erasable[str] = None


AnyAgentEvent = (
    ContextCompacted | MemoryChanged | SkillLoaded | ChildStarted | ChildFinished | ArtifactWritten
)
