"""The demo: whoever dies in it, each invoice is paid once; and its parts fit each other."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import JsonValue

from quarterdeck.demo import cast, policy
from quarterdeck.demo.cast import ForeignFilesError, prepare
from quarterdeck.demo.headless import counted
from quarterdeck.demo.script import REMOVE, STALE, script_json
from quarterdeck.demo.stage import DriverFailedError, Stage
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import CANNOT_TELL, NOT_DONE, Done, ToolContext, load_script
from quarterdeck_kernel.kernel.equipped import Equipment
from tests.app.inbox_stage import call, in_doubt, question

COMMAND = (sys.executable, "-c", "from quarterdeck.cli import main; main()", "demo", "--headless")
PATIENCE_S = 100
INVOICES = {invoice.number: 1 for invoice in cast.INVOICES}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "w"
    folder.mkdir(mode=0o700)
    made = Workspace(folder)
    prepare(made, turn_s=0.0)
    return made


def paid(folder: Path) -> Counter[str]:
    return Counter(line.split(",")[1] for line in cast.paid(Workspace(folder)))


def until(condition: object, *, end: float) -> None:
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_killed_in_the_middle_and_played_again_it_pays_each_once(tmp_path: Path) -> None:
    folder, end = tmp_path / "w", time.monotonic() + PATIENCE_S
    first = subprocess.Popen(
        [*COMMAND, "--keep", str(folder)], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert first.stdout is not None
    _, begun = first.stdout.readline(), first.stdout.readline()
    driver = int(begun.split()[2])
    until(lambda: paid(folder), end=end)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=PATIENCE_S)
    # Its driver has heard of that, and has stopped.
    until(lambda: not lives(driver), end=end)
    assert paid(folder) != INVOICES
    again = subprocess.run(
        [*COMMAND, "--keep", str(folder)],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
    )
    assert (again.returncode, again.stderr) == (0, "")
    assert paid(folder) == INVOICES
    assert "Verified: 10 runs" in again.stdout


# -- the workspace


def test_what_was_put_in_place_by_halves_is_completed_and_what_was_worked_on_is_kept(
    workspace: Workspace,
) -> None:
    (workspace.folder / "quarterdeck.toml").unlink()
    (workspace.files / "march.csv").write_text("mine", encoding="utf-8")
    prepare(workspace, turn_s=0.0)
    assert (workspace.folder / "quarterdeck.toml").is_file()
    assert (workspace.files / "march.csv").read_text(encoding="utf-8") == "mine"
    names = {path.name for path in workspace.folder.iterdir()}
    assert names == {"bank.py", "files", "quarterdeck.toml", "script.json"}


@pytest.mark.parametrize("name", ["files", "quarterdeck.toml"])
def test_what_others_have_put_there_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ForeignFilesError, match="name an empty folder"):
        prepare(Workspace(tmp_path), turn_s=0.0)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_every_part_has_an_agent_and_every_call_a_tool(workspace: Workspace) -> None:
    roster = Equipment(workspace.folder).roster
    specs = [roster.get(part.agent) for part in cast.CAST]
    assert len(specs) == 7
    known = {*roster.tools, *roster.agents, "ask", "finish"}
    for rule in load_script(script_json(1.0)).rules:
        assert rule.answer is not None
        assert {asked.tool for asked in rule.answer.calls} <= known
        assert rule.times is None, "a process that takes a run up hears the same"


def test_the_logs_that_may_go_are_those_that_are_there_and_old(workspace: Workspace) -> None:
    logs = sorted(path.name for path in (workspace.files / "logs").glob("*.log"))
    assert list(STALE) == logs[:-12]


# -- the bank


def bank_of(workspace: Workspace) -> ModuleType:
    found = importlib.util.spec_from_file_location("a_bank", workspace.folder / "bank.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def asked_with(key: str) -> ToolContext:
    return ToolContext(
        run_id="payments",
        tenant="harbour",
        step_key="s",
        tool="pay",
        call_id=None,
        idempotency_key=key,
        attempt=1,
        timeout_s=1.0,
    )


async def test_the_bank_knows_a_payment_by_its_key_unless_it_is_out_of_reach(
    workspace: Workspace,
) -> None:
    bank = bank_of(workspace)
    invoice = ("8843", "Castellan", "881.00")
    assert bank.probe(asked_with("k"), *invoice) is NOT_DONE
    receipt = await bank.pay(asked_with("k"), *invoice)
    assert bank.probe(asked_with("k"), *invoice) == Done(receipt)
    assert bank.probe(asked_with("another"), *invoice) is NOT_DONE
    (workspace.folder / cast.OUTAGE).write_text("8843", encoding="utf-8")
    assert bank.probe(asked_with("k"), *invoice) is CANNOT_TELL
    assert bank.probe(asked_with("k"), "8841", "Alder & Sons", "120.00") == Done(receipt)


# -- the stand-in, and what is counted


def test_the_stand_in_approves_the_one_command_and_rejects_others() -> None:
    wipe: dict[str, JsonValue] = {"command": "rm -rf ."}
    asked: dict[str, JsonValue] = {"command": REMOVE, "folder": "logs"}
    assert policy.verdict(call(tool="shell", arguments=asked)) == ("approved", None)
    assert policy.verdict(call(tool="shell", arguments=wipe)) == ("rejected", None)
    assert policy.verdict(call(tool="pay")) == ("rejected", None)


def test_the_stand_in_probes_what_is_unknown_and_takes_the_first_option() -> None:
    assert policy.verdict(in_doubt()) == ("probe", None)
    assert policy.verdict(question(options=("tar", "rope"))) == ("answered", "tar")
    assert policy.verdict(question()) == ("rejected", None)


@pytest.mark.parametrize(
    ("content", "once"),
    [
        ("".join(f"k,{number},x,1\n" for number in INVOICES), True),
        ("".join(f"k,{number},x,1\n" for number in [*INVOICES, "8841"]), False),
        ("\n,8841\x1b[2J\n", False),
        (None, False),
    ],
)
def test_payments_are_counted_and_not_trusted(
    workspace: Workspace,
    content: str | None,
    once: bool,  # noqa: FBT001 - a parameter of a test
) -> None:
    if content is not None:
        (workspace.files / "payments.csv").write_text(content, encoding="utf-8")
    found, said = counted(workspace)
    assert found is once
    assert ("NOT each exactly once" in said) is not once
    assert "\x1b" not in said


async def test_a_driver_that_cannot_go_on_says_why_in_one_sentence(workspace: Workspace) -> None:
    (workspace.folder / "quarterdeck.toml").write_text("nonsense = 1", encoding="utf-8")
    stage = Stage(workspace, turn_s=0.0)
    scenes = stage.scenes()
    assert (await anext(scenes)).act == "begun"
    with pytest.raises(DriverFailedError, match=r"\) failed: .*nonsense") as failed:
        await anext(scenes)
    assert "\n" not in str(failed.value)
    await stage.close()
