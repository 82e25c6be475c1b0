"""Commands that read: for people, for scripts, and what they refuse."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from quarterdeck.cli import main
from quarterdeck.cli.fields import EventFields
from tests.app.cli.desk import HOSTILE, Desk


def test_the_fleet_lists_what_presses_first(desk: Desk) -> None:
    lines = desk.says("runs").splitlines()
    assert lines[0].split() == [
        "RUN", "STATE", "AGENT", "WAITS", "FOR", "EVENTS", "COST", "OBJECTIVE",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:5]] == ["doubts", "asks", "chooses", "fails"]
    assert desk.json("runs")["runs"][0]["run_id"] == "doubts"


def test_the_fleet_is_filtered_and_cut_and_says_so(desk: Desk) -> None:
    found = desk.json("runs", "--need", "waiting", "--need", "failed", "--agent", "purser")
    assert [run["run_id"] for run in found["runs"]] == ["asks", "chooses"]
    cut = desk.json("runs", "--limit", "2")
    assert (len(cut["runs"]), cut["more"]) == (2, True)
    whole = desk.json("runs", "--limit", "6")
    assert (len(whole["runs"]), whole["more"]) == (6, False)
    assert desk.says("runs", "--text", "nowhere") == "no run fits\n"


def test_text_of_agents_cannot_act_upon_a_terminal(desk: Desk) -> None:
    for arguments in (("runs",), ("show", "hostile"), ("events", "hostile")):
        said = desk.says(*arguments)
        assert "wipe<ESC>[2J <U+202E>the deck<U+007F>" in said
        assert not {"\x1b", "\u202e", "\x7f"}.intersection(said)
        raw = desk.says(*arguments, "--json")
        assert raw.isascii()
        assert "\x7f" not in raw
    assert desk.json("show", "hostile")["objective"] == HOSTILE


def test_a_run_is_shown_with_all_that_is_open_in_it(desk: Desk) -> None:
    asks = desk.json("show", "asks")
    assert (asks["need"], asks["driver"]["live"], asks["end"]) == ("waiting", False, None)
    (item,) = asks["items"]
    assert (item["tool"], item["risk"], item["people_needed"]) == ("pay", "high", 1)
    assert item["details"]["arguments"] == {"amount": 7}
    bounds = desk.json("show", "chooses")["budgets"]
    assert [(b["budget"], b["limit"], b["used"]) for b in bounds] == [
        ("micros", 1_000_000, 0),
        ("tool_calls", 3, 0),
    ]
    said = desk.says("show", "chooses")
    assert "cost: $0.00 of $1.00" in said
    assert "tool calls: 0 of 3" in said
    end = desk.json("show", "fails")["end"]
    assert (end["kind"], end["error"], end["answer"]) == ("run_failed", "heavy", "half")
    assert "ended      run failed: half" in desk.says("show", "fails")


def test_the_inbox_says_exactly_what_is_asked_and_what_to_write_next(desk: Desk) -> None:
    items = {item["run_id"]: item for item in desk.json("inbox")["items"]}
    assert items["doubts"]["id"].startswith("doubts/unknown:")
    assert items["doubts"]["details"]["idempotency_key"]
    assert items["chooses"]["options"] == ["tar", "rope"]
    assert items["asks"]["digest"]
    said = desk.says("inbox")
    assert f"quarterdeck approve {items['asks']['id']}" in said
    assert f"quarterdeck reconcile {items['doubts']['id']} --probe" in said
    assert f"quarterdeck answer {items['chooses']['id']} VALUE" in said
    assert '"amount": 7' in said


def test_events_are_lines_and_come_from_where_they_are_asked_for(desk: Desk) -> None:
    lines = desk.lines("events", "doubts")
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(set(line) == set(EventFields.__annotations__) for line in lines)
    assert [line["prev"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert desk.lines("events", "doubts", "--from", "3") == lines[2:]
    (intent,) = desk.lines("events", "doubts", "--kind", "tool_requested")
    assert (intent["payload"]["tool"], intent["payload"]["effect"]) == ("send", "once")
    outcome = desk.says("events", "doubts", "--kind", "tool_completed", "--kind", "tool_requested")
    assert f"send #{intent['seq']} may or may not have happened" in outcome


def test_following_a_run_that_has_ended_ends(desk: Desk) -> None:
    lines = desk.lines("events", "fails", "--follow")
    assert lines[-1]["kind"] == "run_failed"


def test_an_unknown_kind_is_refused_with_the_nearest(desk: Desk) -> None:
    assert "tool_requested" in desk.refused(2, "events", "asks", "--kind", "tool_request")


def test_a_run_is_called_by_how_its_id_begins_if_only_one_does(desk: Desk) -> None:
    assert desk.json("show", "doub")["run_id"] == "doubts"
    assert "there is no run 'x'" in desk.refused(3, "show", "x")
    for run in ("h1", "h2"):
        assert "no run" in desk.refused(3, "show", run)


def test_an_id_that_several_begin_with_names_them(desk: Desk, tmp_path: Path) -> None:
    import asyncio

    from quarterdeck_kernel import Kernel

    async def twins() -> None:
        async with await Kernel.open(tmp_path / "twins") as kernel:
            for run_id in ("twin-a", "twin-b", "twin"):
                await kernel.start_run(agent="a", run_id=run_id)

    asyncio.run(twins())
    twin = Desk(tmp_path / "twins")
    assert "twin-a, twin-b" in twin.refused(2, "show", "twin-")
    assert twin.json("show", "twin")["run_id"] == "twin"
    assert "there is no run ''" in desk.refused(3, "show", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs",), ("show", "r"), ("events", "r"), ("inbox",), ("approve", "i"), ("heads",),
        ("verify",), ("ledger",), ("agents",), ("models",), ("grants",), ("hold", "r"),
        ("reconcile", "i", "--retry"), ("reconcile", "i", "--probe"), ("backup", "b"),
        ("doctor", "--rebuild"),
    ],
)  # fmt: skip
def test_a_workspace_that_is_not_there_is_said_and_not_made(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    said = Desk(tmp_path / "nowhere").refused(3, *arguments)
    assert "nowhere" in said
    assert not (tmp_path / "nowhere").exists()


def test_the_workspace_may_stand_before_or_behind_the_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    behind = CliRunner().invoke(main, ["heads", "--workspace", str(desk.workspace)])
    assert behind.stdout == desk.says("heads")
    monkeypatch.chdir(desk.workspace)
    assert CliRunner().invoke(main, ["heads"]).stdout == behind.stdout
    (tmp_path / "empty").mkdir()
    inner = ["--workspace", str(tmp_path / "empty"), "heads", "--workspace", str(desk.workspace)]
    assert CliRunner().invoke(main, inner).stdout == behind.stdout


def test_verify_proves_one_run_or_all_and_finds_what_was_cut_off(desk: Desk) -> None:
    kept = desk.says("heads")
    assert desk.json("verify")["runs"] == 6
    assert desk.json("verify", "ask") == desk.json("verify", "asks")
    heads = desk.workspace / "heads.txt"
    heads.write_text(kept, encoding="utf-8")
    assert desk.says("verify", "--all", "--against", str(heads)).startswith("verified: 6 runs")
    workspace_id, position, link = kept.split()
    heads.write_text(f"{workspace_id} {int(position) + 9} {link}\n", encoding="utf-8")
    done = desk.does("verify", "--json", "--against", str(heads))
    assert done.exit_code == 4
    assert json.loads(done.stdout)["ok"] is False
    assert "not verified" in done.stderr
    heads.write_text(f"{workspace_id} {position} {'0' * 64}\n", encoding="utf-8")
    assert "not verified" in desk.refused(4, "verify", "--against", str(heads))
    assert desk.does("verify", "--against", "-", stdin=kept).exit_code == 0


def test_what_is_no_line_of_heads_is_refused(desk: Desk) -> None:
    heads = desk.workspace / "heads.txt"
    heads.write_text("\nnonsense\n", encoding="utf-8")
    assert f"{heads}:2: this is no line" in desk.refused(2, "verify", "--against", str(heads))
    heads.write_text("\n", encoding="utf-8")
    assert "holds no line" in desk.refused(2, "verify", "--against", str(heads))
    assert "not both" in desk.refused(2, "verify", "asks", "--all")


def test_the_ledger_is_parted_as_asked(desk: Desk) -> None:
    lines = desk.json("ledger", "--by", "run", "--by", "name")["lines"]
    assert {(line["run_id"], line["name"], line["tool_calls"]) for line in lines} == {
        ("doubts", "send", 1)
    }
    assert desk.json("ledger", "--by", "run", "--run", "asks") == {"lines": []}
    assert desk.says("ledger", "--by", "agent").splitlines()[0].split()[:2] == ["AGENT", "COST"]
    assert desk.says("ledger", "--agent", "nobody", "--by", "day") == "nothing was used\n"
    assert desk.json("ledger", "--until", "2001-01-01", "--by", "day") == {"lines": []}


def test_agents_tools_and_models_are_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    agents = {agent["name"]: agent for agent in desk.json("agents")["agents"]}
    assert (agents["purser"]["runs"], agents["purser"]["waiting"]) == (2, 2)
    assert (agents["bosun"]["runs"], agents["bosun"]["open"]) == (3, 2)
    assert "purser" in desk.says("agents")
    tools = {tool["name"]: tool for tool in desk.json("tools")["tools"]}
    assert (tools["shell"]["effect"], tools["shell"]["risk"]) == ("once", "high")
    assert "shell" in desk.says("tools")
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    (model,) = desk.json("models")["models"]
    assert (model["name"], model["tier"], model["input_usd"]) == ("openai/gpt-5", "frontier", "2")
    assert (model["key_variable"], model["key_present"]) == ("OPENAI_API_KEY", True)
    assert "not-a-key" not in desk.says("models")
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "no OPENAI_API_KEY" in desk.says("models")


def test_colour_is_for_terminals_that_want_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from quarterdeck.cli import output

    assert "\x1b" not in desk.says("runs")
    there = CliRunner().invoke(main, ["--workspace", str(desk.workspace), "runs"], color=True)
    assert "\x1b" not in there.stdout, "nobody looks at a terminal here"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert output.colours()
    monkeypatch.setenv("NO_COLOR", "")
    assert not output.colours()
