"""Which skills an agent has loaded in a run: recorded once each, found again when it goes on."""

from quarterdeck_kernel.agent.skills import Shelf, Skill
from quarterdeck_kernel.agent.spec import LOAD_SKILL
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.events.agent_events import SkillLoaded
from quarterdeck_kernel.events.envelope import open_record
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS


class LoadedSkills:
    """The skills of one run: those it may load, and those it has."""

    def __init__(self, driver: RunDriver, shelf: Shelf, names: tuple[str, ...]) -> None:
        self._driver = driver
        # One that was taken off the shelf since the run began is not to wedge it.
        self.listed: dict[str, Skill] = {n: shelf.get(n) for n in names if shelf.has(n)}
        self.loaded: set[str] = set()

    async def load(self) -> None:
        """Read which were loaded before."""
        driver = self._driver
        records = await driver.store.read(
            driver.run_id, kinds=("skill_loaded",), limit=PAGE_ROWS, payloads=False
        )
        for record in records:
            payload = open_record(record, facts_only=True).payload
            if isinstance(payload, SkillLoaded):
                self.loaded.add(payload.skill)

    @property
    def tool_names(self) -> frozenset[str]:
        """Return the tools that came with what was loaded."""
        return frozenset(
            tool
            for name, skill in self.listed.items()
            if name in self.loaded
            for tool in skill.tools
        )

    def tools(self) -> list[Tool]:
        """Return the tool that loads one, if there is any."""
        if not self.listed:
            return []
        return [tool_of(self.load_skill, name=LOAD_SKILL, effect="idempotent", version="1")]

    async def load_skill(self, name: str) -> str:
        """Read a skill in full, and get the tools that come with it.

        Args:
            name: The name of the skill, as it is listed.

        """
        skill = self.listed.get(name)
        if skill is None:
            names = ", ".join(sorted(self.listed))
            raise PermanentToolError(f"there is no skill {name[:80]!r} (there are: {names})")
        if name not in self.loaded:
            event: AnyEvent = SkillLoaded(skill=name, digest=skill.digest())
            await self._driver.append(lambda _: [event])
            self.loaded.add(name)
        tools = f"\n\nTools you can call now: {', '.join(skill.tools)}" if skill.tools else ""
        return f"{skill.text or skill.summary}{tools}"
