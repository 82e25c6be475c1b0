"""Reading settings: all problems at once, each with its file, line, key and what was meant."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from quarterdeck_kernel.errors import SettingsError
from quarterdeck_kernel.settings import loading
from quarterdeck_kernel.settings.files import FILE_NAME, user_folder
from quarterdeck_kernel.settings.loading import load_settings
from quarterdeck_kernel.settings.settings import Settings
from tests.kernel.settings.files import problems, read

FULL = """
[guards]
mode = "enforced"
[personal_data]
prompt = "block"
output = { email = "off" }
[[rules]]
name = "sums"
verdict = "require_approval"
risk = "high"
people_needed = 2
expires_after_s = 600
tools = ["pay*", "!pay_test"]
tenants = ["acme"]
people = ["ada"]
agents = ["purser"]
effects = ["once"]
capabilities = ["money"]
risks = ["medium", "high"]
when = { after = "22:00", before = 06:00:00, days = ["fri"], zone = "Europe/Berlin" }
arguments.amount = { over = 99.95 }
arguments."options.url" = { host_in = ["example.com", "10.0.0.0/8"] }
[limits]
turn = { tool_calls = 5 }
run.tokens = 1_000
request.tool_calls = 0
[budgets]
on_exceed = "deny"
run.usd = 0.10
day = { usd = "5", tokens = 9 }
[loops]
warn = 2
block = 4
[breaker]
errors = 2
[tenants.acme]
capabilities = ["money"]
budget_usd = 100
[models."openai/some-model"]
tier = "small"
input_usd = 0.15
"""


def test_every_section_is_read(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    (rule,) = settings.rules
    assert rule.arguments["amount"].over == Decimal("99.95")
    assert (rule.people_needed, rule.expires_after_s, rule.risk) == (2, 600, "high")
    assert settings.budgets.run.usd == Decimal("0.1")
    assert settings.limits.request.tool_calls == 0
    assert settings.tenants["acme"].tenant("acme").budget_micros == 100_000_000
    assert settings.models["openai/some-model"].input_usd == Decimal("0.15")
    assert settings.guards.mode == "enforced"
    assert settings.personal_data["prompt"]["card"] == "block"  # type: ignore[index]
    assert settings.personal_data["output"] == {"email": "off"}


def test_no_files_are_settings_that_say_nothing(tmp_path: Path) -> None:
    assert load_settings(tmp_path, user=tmp_path / "none") == (Settings(), (), {})
    assert load_settings(None).settings == Settings()


def test_the_users_folder_is_the_systems(tmp_path: Path, own_home: Path) -> None:
    assert own_home in user_folder().parents
    user_folder().mkdir(parents=True)
    file = user_folder() / FILE_NAME
    file.write_text('guards.mode = "enforced"', encoding="utf-8")
    loaded = load_settings(tmp_path)
    assert (loaded.settings.guards.mode, loaded.files) == ("enforced", (file,))
    assert load_settings(user_folder()).files == (file,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("guards.mode = 'enforcd'", "1: guards.mode: there is no word 'enforcd' here; did you"),
        ("\n[guard]", "2: guard: there is no setting 'guard' here; did you mean 'guards'?"),
        ("[guards]\nfoo = 1", "2: guards.foo: there is no setting 'foo' here; there is 'mode'"),
        ("guards = 1", "1: guards: 1 is not a table"),
        ("[[rules]]\nname = 'a'", "1: rules[0].verdict: it is missing, and has to be set"),
        ("rules = 1", "1: rules: 1 is not a list, in [brackets]"),
        ("[limits.turn]\ntool_calls = true", "2: limits.turn.tool_calls: True is not a whole num"),
        ("limits.turn.tool_calls = -1", "1: limits.turn.tool_calls: it should be greater than or"),
        ("[budgets.run]\nusd = -5.00", "2: budgets.run.usd: it should be greater than 0, not -5."),
        ("[budgets.run]\nusd = nan", "2: budgets.run.usd: it should be a finite number"),
        ("[budgets.run]\nusd = 0.0000001", "2: budgets.run.usd: it should have no more"),
        ("[tenants.x]\nbudget_usd = 0", "2: tenants.x.budget_usd: it should be greater than 0"),
        ("[tenants.'a b']\nbudget_usd = 1", "1: tenants.'a b': 'a b' is no name that can be"),
        ("personal_data.promt = 'off'", "1: personal_data.promt: there is no setting 'promt' her"),
        ("[personal_data]\nprompt = { emial = 'off' }", "2: personal_data.prompt.emial: there is"),
        ("[loops]\nwarn = 5\nblock = 5", "1: loops: warn (5) has to be below block (5)"),
        ("x = = 1", "1: Invalid value"),
        ("a = 1\nb = [1,\n", "3: "),
        ("a = 1\na = 2", "2: Cannot overwrite a value"),
        ("a = " + "[" * 3_000, "1: it is nested too deep"),
        ("a = " + "9" * 5_000, "1: Exceeds the limit"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_nearest_name(
    tmp_path: Path, text: str, problem: str
) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith(f"workspace/quarterdeck.toml:{problem}")


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("verdict = 'denny'", "3: rules[0].verdict: there is no word 'denny' here; did you mean"),
        ("verdict = 'deny'\ntools = 'x'", "4: rules[0].tools: 'x' is not a list, in [brackets]"),
        ("verdict = 'deny'\ntools = []", "4: rules[0].tools: it is empty; leave it out, or"),
        ("verdict = 'deny'\ntool = ['x']", "4: rules[0].tool: there is no setting 'tool' here; "),
        ("verdict = 'deny'\nrisk = 'low'", "4: rules[0].risk: only a rule that asks for approval"),
        ("verdict = 'require_approval'", "3: rules[0].verdict: a model request waits for nobody"),
        (
            "verdict = 'require_approval'\nmodels = ['*']",
            "4: rules[0].models: a model request waits for nobody, so no rule can ask for its appr",
        ),
        ("verdict = 'deny'\narguments.a = {}", "4: rules[0].arguments.a: there is nothing to"),
        (
            "verdict = 'deny'\narguments.a = { pathunder = ['x'] }",
            "4: rules[0].arguments.a.pathunder: there is no setting 'pathunder' here; did you mean",
        ),
        (
            "verdict = 'deny'\narguments.a.matches = '(?=x)'",
            "4: rules[0].arguments.a.matches: '(?=x)' is no pattern that can be searched for: look",
        ),
        ("verdict = 'deny'\narguments.a.matches = '(a'", "4: rules[0].arguments.a.matches: '(a' i"),
        (
            f"verdict = 'deny'\narguments.a.matches = '{'a' * 1_001}'",
            "4: rules[0].arguments.a.matches: a pattern has at most 1,000 characters",
        ),
        ("verdict = 'deny'\narguments.a.host_in = ['a b']", "4: rules[0].arguments.a.host_in: 'a"),
        (
            "verdict = 'deny'\narguments.a.one_of = [2020-01-01]",
            "4: rules[0].arguments.a.one_of[0]: 2020-01-01 is not a text, in quotes or true or fa",
        ),
        ("verdict = 'deny'\nwhen = {}", "4: rules[0].when: a window needs"),
        ("verdict = 'deny'\nwhen.after = 7", "4: rules[0].when.after: 7 is no time of day; write"),
        ("verdict = 'deny'\nwhen.after = '25:00'", "4: rules[0].when.after: '25:00' is not a time"),
        ("verdict = 'deny'\nwhen.after = '07:00Z'", "4: rules[0].when.after: a time of day has no"),
        (
            "verdict = 'deny'\n[rules.when]\ndays = ['monday']",
            "5: rules[0].when.days[0]: there is no word 'monday' here; did you mean 'mon'?",
        ),
        (
            "verdict = 'deny'\n[rules.when]\ndays = ['mon']\nzone = 'Europe/Berlni'",
            "6: rules[0].when.zone: 'Europe/Berlni' is no time zone this machine knows; did you me",
        ),
    ],
)
def test_a_wrong_rule_is_told_by_its_key(tmp_path: Path, rule: str, problem: str) -> None:
    (line,) = problems(tmp_path, f"[[rules]]\nname = 'a'\n{rule}")
    assert line.startswith(f"workspace/quarterdeck.toml:{problem}")


def test_all_problems_of_both_files_are_told_at_once(tmp_path: Path) -> None:
    workspace = """
[[rules]]
name = "a"
verdict = "denny"
tenants = ["acmee", "!local", "b*"]
[[rules]]
name = "a"
verdict = "deny"
[tenants.acme]
"""
    lines = problems(tmp_path, workspace, "limits.turns = 1\nmode = 1")
    assert [line.split(": ")[:2] for line in lines] == [
        ["user/quarterdeck.toml:1", "limits.turns"],
        ["user/quarterdeck.toml:2", "mode"],
        ["workspace/quarterdeck.toml:4", "rules[0].verdict"],
        ["workspace/quarterdeck.toml:5", "rules[0].tenants[0]"],
        ["workspace/quarterdeck.toml:7", "rules[1].name"],
        ["workspace/quarterdeck.toml:9", "tenants.acme.budget_usd"],
    ]
    assert lines[3].endswith("no tenant is called 'acmee'; did you mean 'acme'?")


def test_tenants_of_rules_are_known_from_either_file_or_from_code(tmp_path: Path) -> None:
    rule = "[[rules]]\nname = 'a'\nverdict = 'deny'\ntenants = ['acme']\n"
    read(tmp_path, rule)  # no tenants are declared: they come from code
    read(tmp_path, rule, "[tenants.acme]\nbudget_usd = 1")
    (line,) = problems(tmp_path, rule, "[tenants.other]\nbudget_usd = 1")
    assert line.endswith("no tenant is called 'acme'; there is 'local', 'other'")


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(b"a = 1\nb = '\xff'")
    with pytest.raises(SettingsError, match=r":2: it is not UTF-8"):
        load_settings(tmp_path)
    monkeypatch.setattr(loading, "FILE_BYTES", 4)
    with pytest.raises(SettingsError, match=r":1: it is larger than 4 bytes"):
        load_settings(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError, match=r":1: it cannot be read: Is a directory"):
        load_settings(tmp_path)


def test_line_endings_of_another_system_change_no_line(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\r\n[guards]\r\nmode = 1\r\n")
    with pytest.raises(SettingsError, match=rf"{FILE_NAME}:3: guards.mode: 1 is not one of its"):
        load_settings(os.fspath(tmp_path))
