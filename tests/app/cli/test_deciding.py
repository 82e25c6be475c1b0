"""Commands that decide: what they write, who was first, and what they refuse."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from quarterdeck.cli import screen
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck.views.decisions import Decision
from quarterdeck_kernel import Kernel
from tests.app.cli.desk import Desk, paying, sending
from tests.app.test_kernel_link import until


def kinds(desk: Desk, run_id: str) -> list[str]:
    return [line["kind"] for line in desk.lines("events", run_id)]


def last(desk: Desk, run_id: str, kind: str) -> dict[str, object]:
    line = desk.lines("events", run_id, "--kind", kind)[-1]
    assert line["actor"]["kind"] == "operator"
    payload: dict[str, object] = line["payload"]
    return payload


def goes_on(desk: Desk, run_id: str = "asks") -> object:
    """Take the step that waited once more, as its driver does; return what it gave."""

    async def taken() -> object:
        tools = [paying(), sending()]
        async with await Kernel.open(desk.workspace, tools=tools) as kernel:
            run = await kernel.load_run(run_id)
            result = await kernel.step_tool(
                run=run, step_key="s", tool="pay", arguments={"amount": 7}
            )
            return result.value

    return asyncio.run(taken())


def test_an_approval_lets_exactly_what_was_shown_run(desk: Desk) -> None:
    item = desk.item("asks")
    assert desk.says("approve", item[:20], "--note", "fine").startswith("approved: run asks")
    assert last(desk, "asks", "pause_resolved")["reason"] == "fine"
    assert goes_on(desk) == {"paid": 7}


def test_an_edited_call_runs_as_edited(desk: Desk) -> None:
    assert desk.says("approve", desk.item("asks"), "--edit", '{"amount": 2}').startswith("edited")
    assert goes_on(desk) == {"paid": 2}


@pytest.mark.parametrize("edit", ["{", "[1]", "3"])
def test_an_edit_that_is_no_object_is_refused(desk: Desk, edit: str) -> None:
    assert "--edit" in desk.refused(2, "approve", desk.item("asks"), "--edit", edit)
    assert "pause_resolved" not in kinds(desk, "asks")


def test_a_grant_stands_is_listed_and_is_revoked_once(desk: Desk) -> None:
    desk.says("approve", desk.item("asks"), "--grant")
    (grant,) = desk.json("grants")["grants"]
    assert (grant["run_id"], grant["tool"], grant["by"]["kind"]) == ("asks", "pay", "operator")
    assert desk.json("grants", "--run", "chooses") == {"grants": []}
    assert grant["grant_id"] in desk.says("grants")
    assert grant["grant_id"] in desk.says("show", "asks")
    desk.says("grants", "revoke", grant["grant_id"][:20], "--reason", "enough")
    assert desk.says("grants") == "no grants stand\n"
    assert "was revoked before, by operator:" in desk.refused(
        6, "grants", "revoke", grant["grant_id"]
    )
    assert "no grant 'x'" in desk.refused(3, "grants", "revoke", "x")


def test_a_grant_and_an_edit_are_two_things(desk: Desk) -> None:
    assert "not both" in desk.refused(2, "approve", "x", "--grant", "--edit", "{}")


def test_a_rejection_needs_a_reason_and_may_end_the_run(desk: Desk) -> None:
    item = desk.item("asks")
    assert desk.does("reject", item).exit_code == 2
    desk.says("reject", item, "--reason", "no", "--stop")
    assert last(desk, "asks", "pause_resolved")["decision"] == "rejected_stop"
    assert "cancel_requested" in kinds(desk, "asks")


def test_who_comes_second_is_told_who_was_first_and_when(desk: Desk) -> None:
    item = desk.item("asks")
    desk.says("approve", item)
    for again in (("approve", item), ("reject", item, "--reason", "no"), ("answer", item, "x")):
        said = desk.refused(6, *again)
        assert "was settled before: approved by operator:" in said
        assert " UTC (event #" in said


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        (("approve", "x"), 3),
        (("reject", "x", "--reason", "no"), 3),
        (("answer", "x", "1"), 3),
        (("reconcile", "x", "--retry"), 3),
        (("reconcile", "asks/unknown:2", "--retry"), 3),
        (("reconcile", "asks/2", "--probe"), 3),
        (("approve", "nowhere/x"), 3),
        (("approve", ""), 2),
    ],
)
def test_what_nobody_asked_is_not_found(desk: Desk, verb: tuple[str, ...], code: int) -> None:
    desk.refused(code, *verb)


def test_what_was_edited_since_it_was_looked_at_is_not_approved(desk: Desk) -> None:
    said = desk.refused(6, "approve", desk.item("asks"), "--digest", "0" * 64)
    assert "look again" in said


@pytest.mark.parametrize(("value", "code"), [("tar", 0), ("pitch", 2)])
def test_an_answer_must_be_one_of_the_options(desk: Desk, value: str, code: int) -> None:
    assert desk.does("answer", desk.item("chooses"), value).exit_code == code


@pytest.mark.parametrize(
    ("kind", "answer", "said", "found"),
    [
        ("input", None, "7", "7"),
        ("input", None, "aye aye", "aye aye"),
        ("confirm", None, "yes", True),
        ("confirm", None, "No", False),
        ("confirm", None, "true", True),
        ("input", int, "7", 7),
        ("custom", None, "7", "7"),
    ],
)
def test_an_answer_means_what_was_asked_for(
    tmp_path: Path, kind: str, answer: type | None, said: str, found: object
) -> None:
    ask(tmp_path, kind, answer)
    desk = Desk(tmp_path)
    desk.says("answer", desk.item("r"), said)
    assert last(desk, "r", "pause_resolved")["answer"] == found


def ask(workspace: Path, kind: str, answer: type | None) -> None:
    from quarterdeck_kernel.errors import RunPausedError

    async def asked() -> None:
        workspace.chmod(0o700)
        async with await Kernel.open(workspace) as kernel:
            run = await kernel.start_run(agent="a", run_id="r")
            with pytest.raises(RunPausedError):
                await kernel.pause(run=run, step_key="q", title="?", type=kind, answer=answer)  # type: ignore[arg-type] # a word

    asyncio.run(asked())


def test_an_answer_may_be_given_as_json(tmp_path: Path) -> None:
    ask(tmp_path, "custom", None)
    desk = Desk(tmp_path)
    assert "VALUE is no JSON" in desk.refused(2, "answer", desk.item("r"), "{", "--as-json")
    desk.says("answer", desk.item("r"), '{"a": [1]}', "--as-json")
    assert last(desk, "r", "pause_resolved")["answer"] == {"a": [1]}


@pytest.mark.parametrize(
    ("said", "verdict", "reason"),
    [
        (("--done", "it is in the book", "--result", '{"line": 3}'), "done", "it is in the book"),
        (("--failed", "it is not"), "failed", "it is not"),
        (("--retry",), "retry", None),
    ],
)
def test_an_unknown_outcome_is_settled_by_a_person_once(
    desk: Desk, said: tuple[str, ...], verdict: str, reason: str | None
) -> None:
    item = desk.item("doubts")
    assert desk.says("reconcile", item, *said).startswith(f"{verdict}: intent #")
    settled = last(desk, "doubts", "tool_reconciled")
    assert (settled["verdict"], settled["reason"]) == (verdict, reason)
    assert settled["result"] == ({"line": 3} if verdict == "done" else None)
    told = desk.refused(6, "reconcile", item, "--retry")
    assert f"was settled before: {verdict} by operator:" in told
    assert "settled before" in desk.refused(6, "reconcile", item, "--probe")


def test_an_unknown_outcome_is_named_by_its_number_or_its_run(desk: Desk) -> None:
    seq = desk.item("doubts").rpartition(":")[2]
    desk.says("reconcile", f"doubts/{seq}", "--retry")


@pytest.mark.parametrize(
    "said",
    [(), ("--probe", "--retry"), ("--done", "x", "--failed", "y"), ("--retry", "--result", "1")],
)
def test_a_verdict_is_one_thing(desk: Desk, said: tuple[str, ...]) -> None:
    desk.refused(2, "reconcile", "doubts", *said)


def test_a_pause_is_not_reconciled_and_an_unknown_outcome_not_approved(desk: Desk) -> None:
    assert "approve, reject or answer" in desk.refused(2, "reconcile", desk.item("asks"), "--retry")
    assert "quarterdeck reconcile" in desk.refused(2, "approve", desk.item("doubts"))


def test_a_probe_of_a_tool_that_is_not_here_is_not_found(desk: Desk) -> None:
    assert "send" in desk.refused(3, "reconcile", desk.item("doubts"), "--probe")


PROBED = """
from quarterdeck_kernel import ToolContext, tool_of
from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL, Done

async def probe(context: ToolContext) -> object:
    assert context.tool == "send"
    return {finds}

async def send() -> None:
    \"\"\"Send a sum; the line breaks.\"\"\"

sending = tool_of(send, effect="once", version="1", probe=probe)
"""


def probed(desk: Desk, finds: str) -> None:
    """Let the settings name a module whose tool `send` has a probe."""
    (desk.workspace / "mine.py").write_text(PROBED.format(finds=finds))
    settings = desk.workspace / "quarterdeck.toml"
    settings.write_text(f'modules = ["./mine.py"]\n{settings.read_text()}')


def test_a_probe_that_can_tell_settles_an_unknown_outcome(desk: Desk) -> None:
    probed(desk, 'Done({"line": 3})')
    said = desk.says("reconcile", desk.item("doubts"), "--probe")
    assert said.startswith("done: intent #")
    assert "by its probe" in said
    (line,) = desk.lines("events", "doubts", "--kind", "tool_reconciled")
    assert (line["payload"]["by"], line["payload"]["result"]) == ("probe", {"line": 3})


def test_a_probe_that_cannot_tell_leaves_it_to_a_person(desk: Desk) -> None:
    probed(desk, "CANNOT_TELL")
    assert "cannot tell" in desk.refused(7, "reconcile", desk.item("doubts"), "--probe")
    assert desk.item("doubts")


async def test_the_screen_can_ask_the_probes_of_the_tools_that_the_settings_name(
    template: Path, tmp_path: Path
) -> None:
    shutil.copytree(template, tmp_path / "workspace")
    desk = Desk(tmp_path / "workspace")
    probed(desk, 'Done({"line": 3})')
    link = screen.link_to(Workspace(desk.workspace))
    reading = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(20):
            await until(lambda: link.glimpse().inbox)
            (row,) = [row for row in link.glimpse().inbox if row.run_id == "doubts"]
            # The tools are brought in beside the screen, and an item is read anew with them.
            await until(
                lambda: (matter := link.matter(row.run_id, row.item_id)) and matter.can_probe
            )
            asked = Decision(run_id="doubts", item_id=row.item_id, verb="probe")
            assert "the probe says done" in await link.decide(asked)
    finally:
        reading.cancel()
        await asyncio.wait([reading])


def test_a_run_is_held_and_released(desk: Desk) -> None:
    assert desk.says("hold", "rests", "--reason", "fog").startswith("held: run rests")
    assert desk.json("show", "rests")["holds"][0]["reason"] == "fog"
    assert "held by operator already" in desk.refused(6, "hold", "rests")
    desk.says("release", "rests")
    assert "not held" in desk.refused(6, "release", "rests")


def test_a_run_is_cancelled_at_its_boundary_or_now(desk: Desk) -> None:
    assert "at its next boundary" in desk.says("cancel", "rests")
    assert "cancel requested" in desk.says("runs")
    assert "cancel     requested" in desk.says("show", "rests")
    assert "cancelled now" in desk.says("cancel", "rests", "--now", "--reason", "fire")
    assert last(desk, "rests", "cancel_requested") == {"now": True, "reason": "fire"}
    assert "final" in desk.refused(6, "cancel", "fails")


def test_something_is_said_once_under_a_key(desk: Desk) -> None:
    first = desk.says("say", "rests", "mind the reef", "--key", "k")
    assert desk.says("say", "rests", "mind the reef", "--key", "k") == first
    assert desk.json("show", "rests")["messages_waiting"] == 1
    assert "another text" in desk.refused(6, "say", "rests", "mind the rocks", "--key", "k")
    assert "empty" in desk.refused(2, "say", "rests", "  ")


@pytest.mark.parametrize(
    ("said", "budget", "limit"),
    [
        (("2.50",), "micros", 2_500_000),
        (("none",), "micros", None),
        (("9000", "--of", "tokens"), "tokens", 9_000),
        (("90", "--of", "seconds"), "wall_time_us", 90_000_000),
    ],
)
def test_a_budget_is_changed(
    desk: Desk, said: tuple[str, ...], budget: str, limit: int | None
) -> None:
    desk.says("budget", "chooses", *said)
    found = {b["budget"]: b["limit"] for b in desk.json("show", "chooses")["budgets"]}
    assert found[budget] == limit


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (("lots",), 2),
        (("many", "--of", "tokens"), 2),
        (("0.0000001",), 2),
        (("--", "-1"), 2),
        (("1", "--revision", "4"), 6),
    ],
)
def test_what_is_no_budget_is_refused(desk: Desk, said: tuple[str, ...], code: int) -> None:
    desk.refused(code, "budget", "chooses", *said)


def test_a_model_is_swapped_with_its_parameters(desk: Desk) -> None:
    desk.says("model", "rests", "openai/gpt-5", "--tier", "frontier", "--parameters", '{"seed": 1}')
    run = desk.json("show", "rests")
    assert (run["model"], run["tier"], run["parameters"]) == (
        "openai/gpt-5", "frontier", {"seed": 1},
    )  # fmt: skip
    said = desk.refused(6, "model", "rests", "other", "--revision", "0")
    assert "set by operator:" in said
    assert "name a model" in desk.refused(2, "model", "rests")


def test_a_model_that_nobody_named_before_is_told_of(desk: Desk) -> None:
    """Only its provider knows whether there is one."""
    swapped = desk.does("model", "rests", "gtp-5")
    assert swapped.exit_code == 0
    assert swapped.stderr == (
        "quarterdeck: no settings name a model 'gtp-5' (they know offline, openai/gpt-5); it is "
        "asked for as it stands, and may not be there\n"
    )
    for known in ("offline", "openai/gpt-5", "acme/new", "gpt-6"):
        desk.says("model", "rests", known)


def test_a_scope_names_tools_that_there_are(desk: Desk) -> None:
    assert "['pry']" in desk.refused(2, "scope", "rests", "deny", "pry")
    assert desk.does("scope", "rests", "only", "pay").exit_code == 2
    desk.says("scope", "rests", "all")
    assert desk.json("show", "rests")["scope"]["revision"] == 1


def test_a_failure_is_acknowledged_once(desk: Desk) -> None:
    desk.says("acknowledge", "fails", "--note", "seen")
    run = desk.json("show", "fails")
    assert (run["waits_for"], run["end"]["acknowledged"]) == (None, True)
    assert "acknowledged before by operator:" in desk.refused(6, "acknowledge", "fails")
    assert "no failure" in desk.refused(6, "acknowledge", "rests")


def test_a_run_that_nobody_drives_is_asked_to_be_taken_up(desk: Desk) -> None:
    desk.says("take", "asks", "--note", "its process died")
    assert last(desk, "asks", "resume_requested") == {"note": "its process died"}
    assert "final" in desk.refused(6, "take", "fails")


def test_readonly_decides_nothing(desk: Desk) -> None:
    before = desk.says("heads")
    for verb in (("hold", "rests"), ("reconcile", "doubts", "--probe"), ("doctor", "--rebuild")):
        assert "--readonly" in desk.refused(2, "--readonly", *verb)
    assert desk.does("--readonly", "runs").exit_code == 0
    assert desk.says("heads") == before


def test_personal_data_is_kept_out_of_what_people_write(desk: Desk) -> None:
    desk.says("hold", "rests", "--reason", "ask ada@example.org")
    assert "ada@example.org" not in json.dumps(desk.lines("events", "rests"))


def test_broken_settings_decide_nothing_and_say_where(desk: Desk) -> None:
    (desk.workspace / "quarterdeck.toml").write_text("[guard]\n", encoding="utf-8")
    assert "quarterdeck.toml:1" in desk.refused(2, "hold", "rests")
    assert "held" not in kinds(desk, "rests")
