"""`quarterdeck config check`: right or wrong settings, and what they say of a step."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from quarterdeck.cli import main
from quarterdeck.cli.ending import one_sentence
from quarterdeck_kernel.errors import SettingsError
from quarterdeck_kernel.settings.files import FILE_NAME, user_folder

SETTINGS = """
[[rules]]
name = "no-prod"
verdict = "deny"
reason = "production is for people"
tools = ["deploy*"]
arguments.target = { one_of = ["prod"] }

[[rules]]
name = "sums"
verdict = "require_approval"
tools = ["pay"]
people = ["ada"]
when = { after = "22:00" }

[[rules]]
name = "dear"
verdict = "warn"
models = ["huge-*"]

[tenants.acme]
capabilities = ["money"]
budget_usd = 5
"""


REFUSED = """\
tool 'deploy' would be refused by policy: production is for people
  rule no-prod (deny) applies
    yes the tool fits deploy*
    yes argument 'target' is one of prod
  rule sums (require_approval) does not apply
    no  the tool fits pay
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / FILE_NAME).write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def check(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["config", "check", "--workspace", str(workspace), *arguments])


def test_settings_that_are_right(workspace: Path) -> None:
    done = check(workspace)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{workspace / FILE_NAME} is right\n")


def test_the_budgets_are_shown_with_what_happens_at_their_end(workspace: Path) -> None:
    budgets = """
    [budgets]
    on_exceed = "deny"
    run = { usd = 0.125, tool_calls = 1_000 }
    day = { usd = 20, wall_time_s = 90 }
    person = { tokens = 5 }
    """
    (workspace / FILE_NAME).write_text(SETTINGS + budgets, encoding="utf-8")
    *bounds, end = check(workspace).stdout.splitlines()[1:]
    assert bounds == [
        "a run may use $0.125",
        "a run may use 1,000 tool calls",
        "each person may use 5 tokens",
        "the workspace may use $20 a day",
        "the workspace may use 90 s a day",
        "tenant acme may use $5",
    ]
    assert end.startswith("  people are warned at 80 %; at the end of a budget the call is refused")
    told = json.loads(check(workspace, "--json").stdout)["budgets"]
    assert told["run"] == {"micros": 125_000, "tool_calls": 1_000}
    assert told["limits"][0] == {
        "scope": "person", "name": None, "period": "total", "budget": "tokens", "limit": 5
    }  # fmt: skip
    assert (told["on_exceed"], told["unknown_cost"]) == ("deny", "show")


def test_no_settings_are_right_too(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert (done.exit_code, done.stdout) == (0, "there are no settings here\n")


def test_the_users_settings_are_read_as_well(workspace: Path) -> None:
    user_folder().mkdir(parents=True)
    (user_folder() / FILE_NAME).write_text("guards.mode = 1", encoding="utf-8")
    done = check(workspace)
    assert done.exit_code == 2
    assert f"{user_folder() / FILE_NAME}:1: guards.mode: 1 is not one of its words" in done.stderr


def test_wrong_settings_are_exit_code_2_with_a_line_for_each_problem(workspace: Path) -> None:
    (workspace / FILE_NAME).write_text("[guard]\n[limits.turns]\n", encoding="utf-8")
    done = check(workspace)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 2
    assert ":1: guard: " in done.stderr
    data = check(workspace, "--json")
    assert data.exit_code == 2
    told = json.loads(data.stdout)
    assert (told["valid"], len(told["problems"])) == (False, 2)


def test_any_command_tells_wrong_settings_in_the_same_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, one_sentence():
        raise SettingsError("a:1: x\nb:2: y", problems=("a:1: x", "b:2: y"))
    assert ended.value.exit_code == 2
    assert capsys.readouterr().err == "quarterdeck: a:1: x\nb:2: y\n"


@pytest.mark.parametrize(
    ("arguments", "code", "beginning"),
    [
        (["--tool", "look"], 0, "tool 'look' would be allowed\n"),
        (["--tool", "deploy"], 0, "tool 'deploy' would be allowed\n"),
        (
            ["--tool", "deploy", "--arguments", '{"target": "prod"}'],
            5,
            REFUSED,
        ),
        (
            ["--tool", "pay", "--person", "ada", "--at", "2026-01-01T23:00:00"],
            7,
            "tool 'pay' would wait for a person: rule 'sums': ",
        ),
        (["--tool", "pay", "--person", "ada", "--at", "2026-01-01T21:00:00"], 0, "tool 'pay' wou"),
        (["--tool", "pay", "--person", "ben"], 0, "tool 'pay' would be allowed\n"),
        (["--model", "huge-1"], 0, "model 'huge-1' would be made, with a warning by policy: "),
        # What the tool says of itself counts: it needs what this tenant may not do.
        (["--tool", "shell"], 5, "tool 'shell' would be refused by capabi"),
        (["--tool", "look", "--capability", "money", "--tenant", "acme"], 0, "tool 'look' would b"),
        (["--tool", "look", "--capability", "money"], 5, "tool 'look' would be refused by capabi"),
    ],
)
def test_what_becomes_of_a_step_and_why(
    workspace: Path, arguments: list[str], code: int, beginning: str
) -> None:
    done = check(workspace, *arguments)
    assert done.exit_code == code
    assert done.stdout.partition("\n")[2].startswith(beginning)


def test_a_call_and_a_request_are_explained_together_and_the_refusal_counts(
    workspace: Path,
) -> None:
    asked = ["--tool", "deploy", "--arguments", '{"target": "prod"}', "--model", "huge-1", "--json"]
    done = check(workspace, *asked)
    assert done.exit_code == 5
    told = json.loads(done.stdout)
    assert [(each["step"], each["outcome"]) for each in told["steps"]] == [
        ("tool 'deploy'", "deny"),
        ("model 'huge-1'", "warn"),
    ]
    first = told["steps"][0]
    assert (first["guard"], first["rule"]) == ("policy", "no-prod")
    assert first["rules"][0] == {
        "name": "no-prod",
        "verdict": "deny",
        "applies": True,
        "because": [
            {"text": "the tool fits deploy*", "holds": True},
            {"text": "argument 'target' is one of prod", "holds": True},
        ],
    }


def test_of_a_tool_that_is_here_its_own_words_count(tmp_path: Path) -> None:
    shell, listing = (check(tmp_path, "--tool", name) for name in ("shell", "list_files"))
    assert (shell.exit_code, listing.exit_code) == (7, 0)
    assert "tool 'shell' would wait for a person: asked first, for no rule" in shell.stdout
    assert check(tmp_path, "--tool", "shell", "--risk", "low", "--effect", "read").exit_code == 7


def test_a_tool_that_nobody_has_is_asked_about_and_said(workspace: Path) -> None:
    done = check(workspace, "--tool", "shel")
    assert done.exit_code == 0
    assert done.stderr == "quarterdeck: no tool is called 'shel' here; did you mean 'shell'?\n"
    assert check(workspace, "--tool", "shell").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--tool", "x", "--arguments", "[1"], 2, "--arguments are no JSON: "),
        (["--tool", "x", "--arguments", "[1]"], 2, "--arguments are no JSON object"),
        (["--tool", "x", "--arguments", "[" * 100_000], 2, "--arguments are no JSON"),
        (["--arguments", "{}"], 2, "name it with --tool"),
        (["--tool", "x", "--tenant", "acmee"], 3, "no tenant is called 'acmee'; did you mean 'ac"),
        (["--tool", "x", "--risk", "huge"], 2, "Invalid value for '--risk'"),
    ],
)
def test_a_question_that_cannot_be_answered(
    workspace: Path, arguments: list[str], code: int, words: str
) -> None:
    done = check(workspace, *arguments)
    assert (done.exit_code, done.stdout) == (code, "")
    assert words in done.stderr


def test_a_folder_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    done = check(tmp_path / "nowhere")
    assert done.exit_code == 3
    assert "there is no folder" in done.stderr


def test_what_a_settings_file_says_cannot_act_upon_the_terminal(workspace: Path) -> None:
    (workspace / FILE_NAME).write_text(
        '[[rules]]\nname = "x"\nverdict = "deny"\nreason = "\\u001b[2J"', encoding="utf-8"
    )
    done = check(workspace, "--tool", "a\x1b[31mb")
    assert "\x1b" not in done.stdout
    assert "<ESC>[2J" in done.stdout
    (workspace / FILE_NAME).write_text('"\\u001b[2J" = 1', encoding="utf-8")
    assert "\x1b" not in check(workspace).stderr


# -- what the settings name


NAMED = [
    ('[agents.a]\ntools = ["shel"]', "2: agents.a.tools: there is no tool 'shel'", "'shell'"),
    ('[agents.a]\nsub_agents = ["b"]', "2: agents.a.sub_agents: there is no agent 'b'", "'a'"),
    ('[agents.a]\nskills = ["./none"]', "2: agents.a.skills: the skill in ", "cannot be read"),
    ('\nmodules = ["./none.py"]', "2: modules: there is no file ", "none.py"),
    ('agents = ["./boom.py"]', "1: modules: ", "raised RuntimeError at its import: boo"),
    ('[models."a.b"]\nscript = "none"', "2: models.'a.b'.script: ", "cannot be read"),
    ('[agents.a]\noutput_schema.type = "text"', "2: agents.a.output_schema", "no JSON schema"),
]


@pytest.mark.parametrize(("text", "place", "said"), NAMED)
def test_what_settings_name_and_nobody_has_is_wrong_with_file_line_and_key(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    (tmp_path / "boom.py").write_text("raise RuntimeError('boo')", encoding="utf-8")
    done = check(tmp_path)
    assert done.exit_code == 2, done.output
    assert f"{FILE_NAME}:{place}" in done.stderr
    assert said in done.stderr
    assert "is right" not in done.stdout


def test_a_folder_beside_the_settings_is_a_skill_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "knots").mkdir()
    skill = "---\nname: knots\ndescription: How to tie them.\n---\nOver, under."
    (tmp_path / "knots" / "SKILL.md").write_text(skill, encoding="utf-8")
    (tmp_path / FILE_NAME).write_text('[agents.a]\nskills = ["./knots"]', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert check(Path()).exit_code == 0
    assert check(tmp_path).exit_code == 0
