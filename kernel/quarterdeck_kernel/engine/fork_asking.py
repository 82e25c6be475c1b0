"""Asking before a workflow's own step does again in a fork what its parent may have done."""

from quarterdeck_kernel.engine.pauses import PauseQuestion, ask
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.vocabulary.words import Effect


def question_of(step_key: str) -> str:
    """Return the key of the question about a step."""
    return f"{step_key}/fork"


async def agreed_in_fork(driver: RunDriver, step_key: str, name: str, effect: Effect) -> None:
    """Return once a person has agreed, where one has to: tools ask through the guard of forks."""
    if effect != "once" or not driver.state.conditions.asks_before_once:
        return
    question = PauseQuestion(
        step_key=question_of(step_key),
        type="approve",
        title=f"{name}, in a fork: its parent may have done it",
    )
    await driver.perform(lambda stop: ask(driver, question, stop))
