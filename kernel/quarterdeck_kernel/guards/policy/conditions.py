"""Conditions: a rule taken apart into what must hold, each with the words for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from pydantic import JsonValue

from quarterdeck_kernel.guards.policy.argument_test import ArgumentTest, values_at
from quarterdeck_kernel.guards.policy.globs import Globs
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.guards.proposed import Proposed, ProposedCall, ProposedRequest

P_contra = TypeVar("P_contra", bound=Proposed, contravariant=True)


class Condition(NamedTuple, Generic[P_contra]):
    """One thing that must hold, and how a person is told of it."""

    text: str
    holds: Callable[[P_contra], bool]


def of_call(rule: Rule, root: Path) -> tuple[Condition[ProposedCall], ...]:
    """Return what must hold of a tool call for a rule to apply."""
    return (*_of_tool(rule), *_of_run(rule), *_of_arguments(rule, root))


def of_request(rule: Rule) -> tuple[Condition[ProposedRequest], ...]:
    """Return what must hold of a model request for a rule to apply."""
    if rule.models is None:
        return tuple(_of_run(rule))
    globs = Globs(rule.models)
    model = Condition[ProposedRequest](
        _fits("model", rule.models), lambda request: globs.fit(request.model)
    )
    return (model, *_of_run(rule))


def _of_tool(rule: Rule) -> Iterator[Condition[ProposedCall]]:
    if rule.tools is not None:
        tools = Globs(rule.tools)
        yield Condition(_fits("tool", rule.tools), lambda call: tools.fit(call.tool))
    if rule.capabilities is not None:
        capabilities = Globs(rule.capabilities)
        yield Condition(
            _fits("capability", rule.capabilities),
            lambda call: call.capability is not None and capabilities.fit(call.capability),
        )
    if rule.effects is not None:
        effects = rule.effects
        yield Condition(f"the effect is {', '.join(effects)}", lambda call: call.effect in effects)
    if rule.risks is not None:
        risks = rule.risks
        yield Condition(f"the risk is {', '.join(risks)}", lambda call: call.risk in risks)


def _of_run(rule: Rule) -> Iterator[Condition[Proposed]]:
    if rule.tenants is not None:
        tenants = Globs(rule.tenants)
        yield Condition(_fits("tenant", rule.tenants), lambda step: tenants.fit(step.tenant))
    if rule.people is not None:
        people = Globs(rule.people)
        yield Condition(_fits("person", rule.people), lambda step: any(map(people.fit, _who(step))))
    if rule.agents is not None:
        agents = Globs(rule.agents)
        yield Condition(
            _fits("agent", rule.agents), lambda step: agents.fit(step.state.identity.agent)
        )
    if rule.when is not None:
        window = rule.when
        yield Condition(str(window), lambda step: window.open_at(step.at_us))


def _of_arguments(rule: Rule, root: Path) -> Iterator[Condition[ProposedCall]]:
    for name, test in rule.arguments.items():
        what = "an argument" if name == "*" else f"argument {name!r}"
        yield Condition(f"{what} {test}", _argument(name, test, root))


def _argument(name: str, test: ArgumentTest, root: Path) -> Callable[[ProposedCall], bool]:
    def holds(call: ProposedCall) -> bool:
        values: Iterator[JsonValue] = values_at(call.arguments, name)
        return any(test.met(value, root) for value in values)

    return holds


def _who(step: Proposed) -> tuple[str, ...]:
    """Return whom a run was begun by: the name that was claimed, and the system's user.

    A rule for either applies, so that nobody leaves a rule by taking another name.
    """
    identity = step.state.identity
    return tuple({name for name in (identity.person, identity.os_user) if name}) or ("",)


def _fits(what: str, patterns: tuple[str, ...]) -> str:
    return f"the {what} fits {', '.join(patterns)}"
