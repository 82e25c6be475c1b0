"""The tools by which an agent ends its turn: ask and finish. Whoever drives the agent answers them.

They are declarations: a model is told of them as of any other tool, and nothing is ever called.
"""

from typing import Annotated

from pydantic import Field

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of

ASK = "ask"
FINISH = "finish"
_OPTIONS = 3


async def ask(
    question: Annotated[str, Field(min_length=1)],
    options: Annotated[list[str], Field(max_length=_OPTIONS)] | None = None,
) -> str:
    """Ask a person, and wait for the answer. Only for what cannot be found out or decided alone.

    Args:
        question: what to ask
        options: up to three answers to choose from; the person may also answer something else
    """
    raise InvalidError(f"{question!r}: a question is asked by the agent's loop ({options!r})")


async def finish(answer: Annotated[str, Field(min_length=1)]) -> str:
    """End the work: the objective is reached, or cannot be reached.

    Args:
        answer: the whole answer, for whoever set the objective
    """
    raise InvalidError(f"{answer!r}: work is ended by the agent's loop")


def control_tools() -> tuple[Tool, ...]:
    """Return the tools."""
    return (
        tool_of(ask, name=ASK, effect="read", version="1", answered_by_caller=True),
        tool_of(finish, name=FINISH, effect="read", version="1", answered_by_caller=True),
    )
