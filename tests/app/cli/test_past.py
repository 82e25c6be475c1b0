"""Looking into a run's past from the command line, and going on from it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from quarterdeck.cli.past_fields import MergedFields, ReplayFields
from quarterdeck_kernel import AgentSpec, Kernel, Script, ScriptedModel
from tests.app.cli.desk import Desk
from tests.app.cli.test_fields import unfit


def test_a_note_is_made_listed_and_taken_away(desk: Desk) -> None:
    said = desk.says("note", "asks", "here it \x1b[2J asks", "--at", "2")
    assert said.startswith("noted: run asks, event #2, bookmark ")
    (mark,) = desk.lines("bookmarks", "asks")
    assert (mark["seq"], mark["run_id"]) == (2, "asks")
    listed = desk.says("bookmarks", "asks")
    assert "#2" in listed
    assert "\x1b" not in listed
    assert desk.says("bookmarks", "asks", "--remove", mark["bookmark_id"]).startswith("removed")
    assert desk.lines("bookmarks", "asks") == []
    for seq in ("99", str(10**30)):
        assert f"has no event #{seq}" in desk.refused(3, "note", "asks", "x", "--at", seq)


def test_a_bookmark_is_taken_from_the_run_that_was_named_and_from_no_other(desk: Desk) -> None:
    mark = desk.json("note", "asks", "here", "--at", "2")
    remove = ("--remove", mark["bookmark_id"])
    assert "run 'fails' has no bookmark" in desk.refused(3, "bookmarks", "fails", *remove)
    assert desk.lines("bookmarks", "asks") == [mark]
    assert desk.json("bookmarks", "asks", *remove) == mark
    assert "(any more)" in desk.refused(3, "bookmarks", "asks", *remove)


def test_a_run_is_shown_as_it_was_and_what_came_since(desk: Desk) -> None:
    before = desk.json("state", "asks", "--at", "2")
    assert (before["seq"], before["panels"]["pauses"]) == (2, {})
    now = desk.json("state", "asks", "--since", "2")
    assert len(now["panels"]["pauses"]) == 1
    (change,) = [c for c in now["difference"]["values"] if c["panel"] == "pauses"]
    assert (change["before"], change["after"]["tool"]) == (None, "pay")
    text = desk.says("state", "asks", "--at", "3", "--since", "1")
    assert "asks  #3 of " in text
    assert "since #1" in text
    assert "has no event #99" in desk.refused(3, "state", "asks", "--at", "99")


def test_a_fork_is_planned_made_and_compared(desk: Desk) -> None:
    plan = desk.json("fork", "doubts", "--at", "3", "--plan")
    assert plan["run_id"] is None
    assert [effect["name"] for effect in plan["plan"]["unknown"]] == ["send"]
    assert len(desk.json("runs")["runs"]) == 6
    told = desk.says("fork", "doubts", "--at", "2", "--model", "acme/new", "--message", "once more")
    assert "asks first    #3 send (once)" in told
    assert "changed       model, message" in told
    fork_id = told.split("forked: run ")[1].split(",")[0]
    shown = desk.json("show", fork_id)
    assert (shown["fork_of"], shown["fork_seq"], shown["model"]) == ("doubts", 2, "acme/new")
    assert shown["messages_waiting"] == 1
    found = desk.json("compare", "doubts", fork_id)
    assert found["shared_seq"] == 2
    assert found["first"]["parting"] == "only_a"
    assert "they part at s: only here" in desk.says("compare", "doubts", fork_id)
    assert "the same comes of them" in desk.says("compare", "doubts", "doubts")
    assert "once it has succeeded" in desk.refused(6, "merge", fork_id)
    assert "is no fork" in desk.refused(2, "merge", "doubts")
    assert "not both" in desk.refused(2, "fork", "asks", "--at", "1", "--allow", "a", "--deny", "b")
    assert "is no JSON" in desk.refused(2, "fork", "asks", "--at", "1", "--result", "{")
    assert "name the event of its outcome" in desk.refused(
        2, "fork", "asks", "--at", "1", "--result", "1"
    )


def test_a_run_is_played_again_at_once_timed_and_step_by_step(desk: Desk) -> None:
    whole = desk.says("replay", "fails")
    assert whole == desk.says("events", "fails")
    assert desk.says("replay", "fails", "--speed", "1000000") == whole
    stepped = desk.does("replay", "fails", "--step", stdin="\nq\n")
    assert stepped.stdout.splitlines() == whole.splitlines()[:2]
    assert "has no event #99; name one" in desk.refused(3, "replay", "fails", "--from", "99")
    for speed in ("nan", "inf"):
        assert "is no speed" in desk.refused(2, "replay", "fails", "--speed", speed)
    assert "--json goes with --check" in desk.refused(2, "replay", "fails", "--json")


async def worked(workspace: Path) -> None:
    rules = [{"answer": {"calls": [{"tool": "finish", "arguments": {"answer": "done"}}]}}]
    model = ScriptedModel(Script.model_validate({"rules": rules}))
    async with await Kernel.open(workspace, model=model) as kernel:
        spec = AgentSpec(name="sailor", prompt="You sail.")
        run = await kernel.start_agent(spec, "sail", run_id="sails")
        await kernel.run_agent(run)
        await kernel.fork(run, 1, run_id="again")
        await kernel.run_agent(await kernel.load_run("again"))


def test_an_agent_is_checked_against_its_run_and_a_fork_of_it_is_merged(desk: Desk) -> None:
    asyncio.run(worked(desk.workspace))
    assert "the agent does what run 'sails' has on record" in desk.says(
        "replay", "sails", "--check"
    )
    report = desk.json("replay", "sails", "--check")
    assert unfit(report, ReplayFields, "") == []
    assert "is no agent's" in desk.refused(2, "replay", "fails", "--check")
    (desk.workspace / "quarterdeck.toml").write_text(
        '[agents.sailor]\nprompt = "You row."\n', encoding="utf-8"
    )
    differs = desk.does("replay", "sails", "--check")
    assert differs.exit_code == 4, differs.output
    assert "You row." in differs.output
    merged = desk.json("merge", "again")
    assert unfit(merged, MergedFields, "") == []
    assert (merged["run_id"], merged["answer"], merged["files"]) == ("sails", "done", [])


def test_what_was_recorded_is_checked_and_not_a_run_here_that_is_called_so(desk: Desk) -> None:
    asyncio.run(worked(desk.workspace))
    tape = desk.workspace.parent / "sails.tape"
    desk.says("export", "sails", str(tape), "--redact", "none")
    desk.says("erase", "sails", "--at", "1", "--reason", "asked for", "--yes")
    here = desk.refused(2, "replay", "sails", "--check")
    assert "event #1 of run 'sails' was erased" in here
    checked = desk.says("--recording", str(tape), "replay", "sails", "--check")
    assert "the agent does what run 'sails' has on record" in checked


SHIP = """
async def load():
    return 3


async def sail(flow, port):
    loaded = await flow.step("load", load)
    return f"{port} with {loaded}"


async def row(flow, port):
    return port
"""


async def worked_through(workspace: Path, file: Path) -> None:
    code: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), code)  # noqa: S102 - ours
    async with await Kernel.open(workspace) as kernel:
        run = await kernel.start_run(agent="voyage", run_id="voyage")
        await kernel.run_workflow(code["sail"], "Bergen", run=run)


def test_a_workflow_is_checked_against_its_run(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "ship.py"
    file.write_text(SHIP, encoding="utf-8")
    asyncio.run(worked_through(desk.workspace, file))
    check = ("replay", "voyage", "--check")
    sail = ("--workflow", f"{file}:sail")
    assert "to the end" in desk.says(*check, *sail, "--with", '"Bergen"')
    differs = desk.does(*check, *sail, "--with", '"Oslo"')
    assert differs.exit_code == 4
    assert "Bergen with 3" in differs.output
    report = json.loads(
        desk.does(*check, "--workflow", f"{file}:row", "--with", '"Bergen"', "--json").stdout
    )
    assert (report["equal"], report["recorded"]) == (False, "step 1 'load'")
    assert report["seq"] is not None
    assert "--workflow MODULE:NAME" in desk.refused(2, *check)
    for wrong in (
        (*check, "--workflow", f"{file}:fly"),
        (*check, "--workflow", "no.such:thing"),
        (*check, "--workflow", str(file)),
        (*check, *sail, "--with", "Bergen"),
        (*check, "--with", '"Bergen"'),
        ("replay", "voyage", *sail),
    ):
        desk.refused(2, *wrong)


def test_a_file_is_put_back(desk: Desk) -> None:
    (desk.workspace / "files").mkdir()
    assert "changed no file 'a'" in desk.refused(3, "restore", "fails", "a", "--at", "1")
