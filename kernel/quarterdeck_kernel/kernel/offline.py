"""What runs without settings, keys or network: one model that is a script, and one agent on it.

So that a person sees a run from its beginning to its end before anything was set up.
"""

from typing import TYPE_CHECKING, Final

from quarterdeck_kernel.agent.spec import AgentSpec

if TYPE_CHECKING:
    from quarterdeck_kernel.models.port import ModelPort

OFFLINE: Final = "offline"
"""The name of the model; settings may give it to another one."""

_ANSWER = (
    "I looked at the files of this workspace. I am the offline model: a script, which can show how "
    "a run goes and nothing else. Name a model and agents in quarterdeck.toml for real work."
)


def starter() -> AgentSpec:
    """Return the agent of a workspace that names none."""
    return AgentSpec(
        name="starter",
        identity="Shows how a run goes: it looks at the files of the workspace, and says so.",
        model=OFFLINE,
        tools=("list_files",),
    )


def offline_model() -> "ModelPort":
    """Return the model: it looks once, and finishes."""
    from quarterdeck_kernel.models.script import (  # noqa: PLC0415 - for who asks it
        Answer,
        Call,
        Rule,
        Script,
        When,
    )
    from quarterdeck_kernel.models.scripted import ScriptedModel  # noqa: PLC0415 - as above

    look = Answer(text="I look at the files first.", calls=(Call(tool="list_files"),))
    finish = Answer(calls=(Call(tool="finish", arguments={"answer": _ANSWER}),))
    seen = When(results=0, offered=("list_files",))
    rules = (
        Rule(when=seen, answer=look, times=None),
        Rule(when=When(offered=("finish",)), answer=finish, times=None),
        Rule(answer=Answer(text=_ANSWER), times=None),
    )
    return ScriptedModel(Script(rules=rules))
