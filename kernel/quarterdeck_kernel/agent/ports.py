"""What an agent needs of the kernel around it: steps, runs for its sub-agents, what there is.

The facade above satisfies it (`kernel/agents.py`), so that nothing here knows the facade.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from quarterdeck_kernel.agent.skills import Shelf
from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.engine.journal import Decide
from quarterdeck_kernel.engine.model_ask import AskedModel, ModelResult
from quarterdeck_kernel.engine.pauses import PauseAnswer, PauseQuestion
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_step import Result
from quarterdeck_kernel.runs.start import RunRequest
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.toolbox import ToolBox


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCall:
    """One call of a turn: as the model wrote it, and where it stands."""

    step_key: str
    tool: str
    arguments: str
    call_id: str
    model_seq: int
    turn: int


class Host(Protocol):
    """The kernel, as an agent sees it."""

    store: EventStore

    @property
    def clock(self) -> Clock:
        """Return what time it is by."""
        ...

    @property
    def tools(self) -> ToolBox:
        """Return the tools that are registered."""
        ...

    @property
    def skills(self) -> Shelf:
        """Return the skills that are registered."""
        ...

    def window_tokens(self, model: str | None) -> int | None:
        """Return how much a model takes in, where that is known."""
        ...

    async def model(self, driver: RunDriver, asked: AskedModel) -> ModelResult:
        """Take a model step."""
        ...

    async def call(
        self, driver: RunDriver, box: ToolBox, calls: Sequence[AgentCall], opening: Decide
    ) -> list[Result]:
        """Take the tool steps of a turn; `opening` says what stands before their first intent."""
        ...

    async def ask(self, driver: RunDriver, question: PauseQuestion) -> PauseAnswer:
        """Ask a person, or find what they said."""
        ...

    async def load(self, run_id: str, tenant: str) -> RunDriver:
        """Return a run that exists."""
        ...

    async def begin(self, request: RunRequest) -> RunDriver:
        """Begin a run, or find the one that its idempotency key has begun."""
        ...
