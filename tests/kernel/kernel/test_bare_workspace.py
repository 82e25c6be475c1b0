"""What holds where settings say nothing: who reads is not asked, who changes anything is."""

import tomllib
from typing import Any

import pytest

from quarterdeck_kernel.guards.chain import Chain, Judged
from quarterdeck_kernel.guards.policy import by_default
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.kernel.guarding import guards_of
from quarterdeck_kernel.settings.settings import Settings
from tests.kernel.guards.policy.steps import call

READS = "mcp:odd", "read"


def proposed(capability: str | None, effect: str = "once") -> ProposedCall:
    changed: dict[str, Any] = {"capability": capability, "effect": effect}
    return call()._replace(**changed)


def settings(text: str) -> Settings:
    return Settings.model_validate(tomllib.loads(text))


def judged(text: str, step: ProposedCall) -> Judged:
    said = Chain(guards_of(settings(text))).judged(step)
    assert isinstance(said, Judged), "none of these guards takes its time"
    return said


def outcome(text: str, step: ProposedCall) -> str:
    said = judged(text, step)
    return "deny" if said.denial else "ask" if said.pause else "allow"


ACME = 'tenants.acme = { capabilities = ["shell", "write_files", "mcp:odd"], budget_usd = 1 }\n'
ODD = "mcp.odd.command = 'odd'\n"


@pytest.mark.parametrize(
    ("text", "step", "wanted"),
    [
        ("", (None,), "allow"),
        ("", ("read_files",), "allow"),
        ("", ("query_sql",), "allow"),
        ("", ("write_files",), "ask"),
        ("", ("shell",), "ask"),
        ("", ("http", "read"), "ask"),
        ("", ("change_sql",), "ask"),
        ("", ("money",), "deny"),
        ("", READS, "deny"),
        (ODD, READS, "allow"),
        (ODD, ("mcp:odd", "idempotent"), "ask"),
        (ODD, ("mcp:even", "read"), "deny"),
        (ACME, ("write_files",), "allow"),
        (ACME, ("shell",), "ask"),
        (ACME + ODD, READS, "allow"),
        (ACME + ODD, ("mcp:odd", "once"), "ask"),
        (ACME, ("read_files",), "deny"),
        ("[[rules]]\nname='a'\nverdict='allow'\ncapabilities=['shell']", ("shell",), "allow"),
        ("[[rules]]\nname='a'\nverdict='warn'\ncapabilities=['shell']", ("shell",), "ask"),
        ("[[rules]]\nname='a'\nverdict='allow'\ncapabilities=['http']", ("shell",), "ask"),
        ("[[rules]]\nname='a'\nverdict='deny'\ncapabilities=['shell']", ("shell",), "deny"),
        ("[[rules]]\nname='a'\nverdict='allow'", ("money",), "deny"),
    ],
)
def test_what_no_rule_speaks_of_is_asked_if_it_changes_anything(
    text: str, step: tuple[str, ...], wanted: str
) -> None:
    assert outcome(text, proposed(*step)) == wanted


def test_a_default_that_holds_beside_the_rules_would_be_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(by_default.ByDefault, "_is_spoken_of", lambda *_: False)
    rule = "[[rules]]\nname='a'\nverdict='allow'\ncapabilities=['shell']"
    with pytest.raises(AssertionError):
        test_what_no_rule_speaks_of_is_asked_if_it_changes_anything(rule, ("shell",), "allow")


@pytest.mark.parametrize("text", ["", ACME])
def test_a_refusal_shows_the_line_that_would_allow_the_call(text: str) -> None:
    denial = judged(text, proposed("money")).denial
    assert denial is not None
    line = denial[1].reason.partition("quarterdeck.toml: ")[2]
    if text:
        line, _, section = line.partition(" under ")
        line = f"{section}\nbudget_usd = 1\n{line}"
    assert outcome(line, proposed("money")) == "allow"
    had = "write_files" if text else "read_files"
    assert outcome(line, proposed(had)) == "allow", "nothing is lost with it"


def test_what_holds_by_default_is_no_policy_of_ones_own() -> None:
    kinds = Chain(guards_of(settings(""))).kinds
    assert "policy" not in kinds
