"""An agent at work in one run: its parts, and the tools that it is offered."""

from quarterdeck_kernel.agent.children import Children, Drive
from quarterdeck_kernel.agent.compaction import Compaction
from quarterdeck_kernel.agent.control import control_schemas
from quarterdeck_kernel.agent.conversation import Conversation
from quarterdeck_kernel.agent.loaded_skills import LoadedSkills
from quarterdeck_kernel.agent.memory import CoreMemory
from quarterdeck_kernel.agent.phases import Phases
from quarterdeck_kernel.agent.ports import Host
from quarterdeck_kernel.agent.questions import Questions
from quarterdeck_kernel.agent.scope import visible
from quarterdeck_kernel.agent.spec import RESERVED, AgentSpec
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.messages import ToolSchema


class Agent:
    """What belongs to an agent while its run is driven from here."""

    def __init__(self, host: Host, driver: RunDriver, spec: AgentSpec, drive: Drive) -> None:
        self.host = host
        self.driver = driver
        self.spec = spec
        self.phases = Phases(driver)
        self.memory = CoreMemory(driver)
        self.skills = LoadedSkills(driver, host.skills, spec.skills)
        self.questions = Questions(host, driver, spec)
        self.conversation = Conversation(driver, host.skills)
        self.compaction = Compaction(host, driver, spec)
        own = Children(host, driver, drive).tools(spec)
        if spec.memory:
            own += self.memory.tools()
        own += self.skills.tools()
        self._own = frozenset(tool.name for tool in own)
        self.box = ToolBox(own)
        for name in host.tools.names():
            if name not in self._own:
                self.box.add(host.tools.get(name))

    async def load(self) -> None:
        """Read what the log holds of it."""
        if self.spec.memory:
            await self.memory.load()
        await self.skills.load()
        await self.questions.load()
        await self.conversation.load()

    @property
    def window_tokens(self) -> int | None:
        """Return how much its model takes in."""
        return self.host.window_tokens(self.driver.state.conditions.model)

    def offered(self) -> tuple[ToolSchema, ...]:
        """Return the tools of its next request: what every filter lets through, and control."""
        known = self.box.names()
        mine = {*self.spec.tools, *self.skills.tool_names, *self._own} & set(known)
        kernel = mine & RESERVED
        names = visible(mine - kernel, self.driver.state.conditions) | kernel
        schemas = [*self.box.schemas(names), *control_schemas(self.spec)]
        return tuple(sorted(schemas, key=lambda schema: schema.name))
