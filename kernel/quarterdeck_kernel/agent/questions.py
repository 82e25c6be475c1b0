"""What an agent asks people: so often and no more, and nothing twice."""

from typing import NamedTuple

from quarterdeck_kernel.agent.control import Question
from quarterdeck_kernel.agent.ports import Host
from quarterdeck_kernel.agent.spec import QUESTIONS, AgentSpec
from quarterdeck_kernel.canonical import encode
from quarterdeck_kernel.engine.log_reader import opened
from quarterdeck_kernel.engine.pauses import PauseQuestion
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import DeniedError
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.vocabulary.limits import PAGE_ROWS

_ALONE = (
    "Nobody is there to be asked. Decide yourself, go on, and say in your answer what you assumed."
)


class Asked(NamedTuple):
    """A question on record."""

    step_key: str
    normal: str


class Questions:
    """The questions of one run, those asked before it was taken up included."""

    def __init__(self, host: Host, driver: RunDriver, spec: AgentSpec) -> None:
        self._host = host
        self._driver = driver
        self._spec = spec
        self._asked: list[Asked] = []

    async def load(self) -> None:
        """Read what was asked before."""
        driver = self._driver
        records = await driver.store.read(
            driver.run_id, kinds=("pause_requested",), limit=PAGE_ROWS
        )
        for record in records:
            pause = (await opened(driver.store, record)).payload
            if isinstance(pause, PauseRequested) and pause.step_key.endswith("/ask"):
                self._asked.append(Asked(pause.step_key, Question(pause.title or "").normal))

    async def ask(self, step_key: str, question: Question) -> str:
        """Return what the model is told: the answer, or why there is none."""
        step_key = f"{step_key}/ask"
        before = next((a for a in self._asked if a.normal == question.normal), None)
        if before is None:
            if not self._spec.attended:
                return _ALONE
            most = QUESTIONS[self._spec.autonomy]
            if len(self._asked) >= most:
                return f"You have asked {most} times, which is all you may. {_ALONE}"
        elif before.step_key != step_key:
            said = await self._answer(before.step_key, question)
            return f"You have asked that before. {said}"
        else:
            return await self._answer(step_key, question)
        self._asked.append(Asked(step_key, question.normal))
        return await self._answer(step_key, question)

    async def _answer(self, step_key: str, question: Question) -> str:
        asks = PauseQuestion(
            step_key=step_key, title=question.text, type="input", options=question.options
        )
        try:
            answer = await self._host.ask(self._driver, asks)
        except DeniedError as error:
            return f"No answer: {error}. Go on without it, and say what you assumed."
        value = answer.value
        return value if isinstance(value, str) else encode(value)
