"""The control tools: what an agent says to the kernel, not to the world.

`finish` and `ask` are offered like any other tool and never filtered. They have no effect, so
they have no intent: an end is the end of the run, a question is a pause.
"""

from functools import cache
from typing import Annotated, NamedTuple

from pydantic import Field

from quarterdeck_kernel.agent.spec import AgentSpec
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.messages import ToolSchema

_OPTIONS = 3


class Question(NamedTuple):
    """What an agent wants to know."""

    text: str
    options: tuple[str, ...] = ()

    @property
    def normal(self) -> str:
        """Return the question as it is compared with others."""
        return " ".join(self.text.casefold().split()).rstrip("?.! ")


def control_schemas(spec: AgentSpec) -> tuple[ToolSchema, ...]:
    """Return the control tools that an agent is offered: a chat has no end of its own."""
    ask, finish = _tools()
    return (ask.schema,) if spec.chat else (ask.schema, finish.schema)


def read_finish(arguments: str) -> str:
    """Return the answer that a call of `finish` gives, or raise `ToolArgumentsError`."""
    _, finish = _tools()
    return str(finish.parse(arguments)["answer"])


def read_question(arguments: str) -> Question:
    """Return what a call of `ask` asks, or raise `ToolArgumentsError`."""
    ask, _ = _tools()
    parsed = ask.parse(arguments)
    options = parsed["options"]
    assert isinstance(options, list), "the schema says so"
    distinct = dict.fromkeys(str(option).strip() for option in options)
    return Question(str(parsed["question"]).strip(), tuple(option for option in distinct if option))


@cache
def _tools() -> tuple[Tool, Tool]:
    """Return `ask` and `finish`; made when first needed, since that takes as long as an import."""

    def finish(answer: str) -> None:
        """End the work and give the whole answer. Call it once, when nothing is left to do."""

    def ask(
        question: Annotated[str, Field(min_length=1)],
        options: Annotated[list[str], Field(max_length=_OPTIONS)] = [],  # noqa: B006 - read only
    ) -> None:
        """Ask the person in charge what only they can know or decide.

        Args:
            question: What you want to know.
            options: Up to three answers to choose from; they may always answer in their own words.

        """

    return tool_of(ask, effect="read", version="1"), tool_of(finish, effect="read", version="1")
