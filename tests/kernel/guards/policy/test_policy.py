"""Policies: which rules apply, and that adding one never makes anything looser."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quarterdeck_kernel import Allow, Deny, Pause, Verdict, Warn
from quarterdeck_kernel.guards.policy import policy
from quarterdeck_kernel.guards.policy.globs import Globs
from quarterdeck_kernel.guards.policy.policy import PolicyGuard
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.guards.verdict import stricter
from tests.kernel.guards.policy.steps import CAPTAIN, call, request


def rule(name: str = "r", verdict: str = "deny", **more: Any) -> Rule:  # noqa: ANN401 - of rules
    return Rule.model_validate({"name": name, "verdict": verdict, **more})


def judged(*rules: Rule, **arguments: Any) -> Verdict:  # noqa: ANN401 - of calls
    return PolicyGuard(rules).judge(call(arguments))


@pytest.mark.parametrize(
    ("patterns", "name", "fits"),
    [
        (["pay"], "pay", True),
        (["PAY"], "pay", True),
        (["p?y", "x"], "pay", True),
        (["p*"], "shell", False),
        (["*", "!pay"], "pay", False),
        (["*", "!PAY"], "pay", True),
        (["!pay_*"], "pay", True),
        (["!p*"], "pay", False),
        (["[ps]ay"], "say", True),
        (["pay"], "pay\n", False),
        (["a.b"], "axb", False),
    ],
)
def test_globs(patterns: list[str], name: str, *, fits: bool) -> None:
    assert Globs(patterns).fit(name) == fits


@pytest.mark.parametrize(
    ("named", "applies"),
    [
        ({}, True),
        ({"tools": ["pay"]}, True),
        ({"tools": ["shell"]}, False),
        ({"models": ["*"]}, False),
        ({"models": ["*"], "tools": ["pay"]}, True),
        ({"tenants": ["acme"]}, True),
        ({"tenants": ["other"]}, False),
        ({"people": ["ada"]}, True),
        # A name is only claimed: the system's user counts as well, and nobody escapes by it.
        ({"people": ["adal"]}, True),
        ({"people": ["!ada"]}, True),
        ({"people": ["!ada*"]}, False),
        ({"people": ["ben"]}, False),
        ({"agents": ["purs*"]}, True),
        ({"agents": ["scribe"]}, False),
        ({"effects": ["once"]}, True),
        ({"effects": ["read", "idempotent"]}, False),
        ({"capabilities": ["mon*"]}, True),
        ({"capabilities": ["ships"]}, False),
        ({"risks": ["medium", "high"]}, True),
        ({"risks": ["low"]}, False),
        ({"arguments": {"amount": {"over": 5}}}, True),
        ({"arguments": {"amount": {"over": 50}}}, False),
        ({"arguments": {"missing": {"over": 5}}}, False),
        ({"arguments": {"amount": {"over": 5}, "to": {"one_of": ["bob"]}}}, False),
        ({"arguments": {"*": {"one_of": ["ann"]}}}, True),
        ({"when": {"before": "00:01"}}, True),
        ({"when": {"after": "00:01"}}, False),
        ({"tools": ["pay"], "tenants": ["other"]}, False),
    ],
)
def test_a_rule_applies_if_everything_it_names_holds(
    named: dict[str, Any], *, applies: bool
) -> None:
    verdict = judged(rule(**named), amount=7, to="ann")
    assert isinstance(verdict, Deny) == applies


@pytest.mark.parametrize(
    ("named", "applies"),
    [
        ({}, True),
        ({"models": ["small-*"]}, True),
        ({"models": ["*", "!small-1"]}, False),
        ({"tools": ["*"]}, False),
        ({"tools": ["*"], "models": ["*"]}, True),
        ({"arguments": {"a": {"over": 1}}}, False),
        ({"tenants": ["other"]}, False),
    ],
)
def test_a_rule_about_models_is_about_requests(named: dict[str, Any], *, applies: bool) -> None:
    verdict = PolicyGuard([rule(**named)]).judge_request(request())
    assert isinstance(verdict, Deny) == applies


def test_the_first_denial_wins_and_every_rule_that_matched_is_named() -> None:
    rules = [
        rule("a", "allow"),
        rule("b", "require_approval", tools=["pay"]),
        rule("c", "deny", reason="no"),
        rule("d", "deny", reason="never"),
        rule("e", "deny", tools=["other"]),
    ]
    verdict = judged(*rules)
    assert isinstance(verdict, Deny)
    assert (verdict.rule, verdict.reason) == ("c", "no")
    assert [name.partition("@")[0] for name in verdict.rules] == ["a", "b", "c", "d"]


def test_approvals_ask_once_on_the_strictest_terms() -> None:
    rules = [
        rule("w", "warn", reason="dear"),
        rule("b", "require_approval", tools=["*"], risk="low", expires_after_s=60, reason="x"),
        rule("c", "require_approval", tools=["*"], risk="high", people_needed=2, reason="y"),
        rule("d", "require_approval", tools=["*"], expires_after_s=30, reason="z"),
    ]
    verdict = judged(*rules)
    assert isinstance(verdict, Pause)
    assert verdict.model_dump(exclude={"rules", "type"}) == {
        "title": "x; y; z",
        "rule": "b, c, d",
        "risk": "high",
        "people_needed": 2,
        "expires_after_s": 30,
    }
    assert len(verdict.rules) == 4


def test_warnings_are_told_together() -> None:
    verdict = judged(rule("a", "warn", reason="x"), rule("b", "warn", tools=["p*"]))
    assert isinstance(verdict, Warn)
    assert verdict.rule == "a, b"
    assert verdict.reason == "x; rule 'b': the tool fits p*"


def test_nothing_that_applies_is_a_yes_and_an_allow_is_named() -> None:
    assert judged(rule(tools=["x"])) == Allow()
    verdict = judged(rule("fine", "allow"))
    assert isinstance(verdict, Allow)
    assert verdict.rules[0].startswith("fine@")


def test_what_a_rule_is_bound_by_changes_with_all_that_it_says_and_with_nothing_else() -> None:
    first = rule(tools=["a"], when={"after": "22:00"})
    same = Rule.model_validate({"when": {"after": "22:00"}, **first.model_dump(exclude={"when"})})
    assert first.identity == same.identity
    others = {
        rule(tools=["b"], when={"after": "22:00"}).identity,
        rule(tools=["a"], when={"after": "22:01"}).identity,
        rule("s", tools=["a"], when={"after": "22:00"}).identity,
        rule("r", "warn", tools=["a"], when={"after": "22:00"}).identity,
    }
    assert len({first.identity, *others}) == 5


def test_why_each_rule_applies_or_does_not_is_told() -> None:
    rules = [rule("a", tools=["p*"], tenants=["other"]), rule("m", models=["x"]), rule("e")]
    said = PolicyGuard(rules).explain(call())
    assert [(each.rule.name, each.applies) for each in said] == [("a", False), ("e", True)]
    assert [tuple(look) for look in said[0].because] == [
        ("the tool fits p*", True),
        ("the tenant fits other", False),
    ]


# -- monotony

_VERDICTS = st.sampled_from(["allow", "warn", "require_approval", "deny"])
_NAMED = st.fixed_dictionaries(
    {"tools": st.sampled_from([["*"], ["pay"], ["shell"], ["!pay"]])},
    optional={
        "tenants": st.sampled_from([["acme"], ["o*"], ["!acme"]]),
        "people": st.sampled_from([["ada"], ["!ada"], ["ben"]]),
        "effects": st.sampled_from([["once"], ["read"]]),
        "arguments": st.fixed_dictionaries(
            {"amount": st.sampled_from([{"over": 5}, {"one_of": [7]}, {"none_of": [7]}])}
        ),
    },
)


@st.composite
def rules_of(draw: st.DrawFn) -> list[Rule]:
    made = []
    for number in range(draw(st.integers(0, 5))):
        verdict = draw(_VERDICTS)
        terms: dict[str, object] = {}
        if verdict == "require_approval":
            terms["people_needed"] = draw(st.integers(1, 3))
            terms["expires_after_s"] = draw(st.none() | st.integers(1, 99))
            terms["risk"] = draw(st.sampled_from([None, "low", "high"]))
        made.append(rule(f"r{number}", verdict, **draw(_NAMED), **terms))
    return made


def no_looser(before: Verdict, after: Verdict) -> bool:
    order = [Allow, Warn, Pause, Deny]
    if isinstance(before, Pause) and isinstance(after, Pause):
        terms = stricter(after, before)
        return (terms.people_needed, terms.expires_after_s, terms.risk) == (
            after.people_needed,
            after.expires_after_s,
            after.risk,
        )
    return order.index(type(after)) >= order.index(type(before))


@given(rules_of(), rules_of(), st.integers(0, 9), st.integers(0, 5))
@example([rule("d", "deny", tools=["*"])], [rule("a", "allow", tools=["*"])], 0, 0)
def test_adding_a_rule_never_makes_anything_looser(
    rules: list[Rule], more: list[Rule], amount: int, place: int
) -> None:
    step = call({"amount": amount}, identity=CAPTAIN)
    before = PolicyGuard(rules).judge(step)
    after = PolicyGuard([*rules[:place], *more, *rules[place:]]).judge(step)
    assert no_looser(before, after)
    assert set(before.rules) <= set(after.rules)


def test_a_policy_in_which_an_allow_wins_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict_of = policy.verdict_of

    def allowed(applied: list[Any]) -> Verdict:
        allows = any(each.rule.verdict == "allow" for each in applied)
        return Allow() if allows else verdict_of(applied)

    monkeypatch.setattr(policy, "verdict_of", allowed)
    with pytest.raises(AssertionError):
        test_adding_a_rule_never_makes_anything_looser()
