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
    "This is how a run goes: every step stands in its log. I am the offline model, a script that "
    "can do nothing else. Name a model and agents in quarterdeck.toml for real work."
)
_NOTE = "A note: the least that a tool can do."


def starter() -> AgentSpec:
    """Return the agent of a workspace that names none."""
    return AgentSpec(
        name="starter",
        identity="Shows how a run goes, offline: it takes a note, and finishes.",
        model=OFFLINE,
        tools=("note",),
    )


def offline_model() -> "ModelPort":
    """Return the model: it takes a note if it may, and finishes."""
    from quarterdeck_kernel.models.script import (  # noqa: PLC0415 - for who asks it
        Answer,
        Call,
        Rule,
        Script,
        When,
    )
    from quarterdeck_kernel.models.scripted import ScriptedModel  # noqa: PLC0415 - as above

    note = Answer(text="I take a note.", calls=(Call(tool="note", arguments={"text": _NOTE}),))
    finish = Answer(calls=(Call(tool="finish", arguments={"answer": _ANSWER}),))
    rules = (
        Rule(when=When(results=0, offered=("note",)), answer=note, times=None),
        Rule(when=When(offered=("finish",)), answer=finish, times=None),
        Rule(answer=Answer(text=_ANSWER), times=None),
    )
    return ScriptedModel(Script(rules=rules))
