"""The examples do what they promise: started again, killed, and without anything to ask anew."""

import asyncio
from pathlib import Path

import pytest

from quarterdeck_kernel import Kernel, ModelAnswer, ModelRequest, Run, Script, ScriptedModel
from quarterdeck_kernel.models.port import TextListener
from tests.user.examples import chat, extraction, payment, research, review, team

SILENT = ScriptedModel(Script(rules=()))
"""A model that has no answer: whoever asks it fails."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


async def test_a_chat_goes_on_where_it_was_and_says_nothing_twice(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await chat.main(workspace, "her name is Gull")
    assert printed(capsys) == ["Welcome aboard, captain.", "The Gull it is."]
    await chat.main(workspace, "And what did I call her?")
    assert printed(capsys) == ["You called her the Gull."]


async def test_facts_fit_their_type_and_are_taken_out_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale = extraction.Sale(seller="Ann Lee", goods=["rope", "tar"], day="May 3")
    assert await extraction.main(workspace) == sale
    monkeypatch.setattr(extraction, "MODEL", SILENT)
    assert await extraction.main(workspace) == sale


class CutOff:
    """A model that falls silent at its third request: then its process is stopped."""

    def __init__(self, model: ScriptedModel) -> None:
        self.requests = 0
        self.silent = asyncio.Event()
        self.window_tokens, self.price, self.close = model.window_tokens, model.price, model.close
        self._model = model

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        self.requests += 1
        if self.requests == 3:
            self.silent.set()
            await asyncio.Event().wait()
        return await self._model.complete(request, listener=listener)


async def test_research_that_was_stopped_goes_on_and_reads_nothing_again(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [research.ANSWER, "turn 1: search", "turn 2: read_page, read_page", "turn 3: finished"]
    model = CutOff(research.MODEL)
    with monkeypatch.context() as patched:
        patched.setattr(research, "MODEL", model)
        work = asyncio.create_task(research.main(workspace))
        await asyncio.wait_for(model.silent.wait(), 20)
        work.cancel()
        await asyncio.wait([work], timeout=20)
    assert work.done()
    monkeypatch.setattr(research, "LIBRARY", {})
    await research.main(workspace)
    assert printed(capsys) == told
    monkeypatch.setattr(research, "MODEL", SILENT)
    await research.main(workspace)
    assert printed(capsys) == told


async def test_a_letter_is_sent_when_its_reviewer_says_so_and_once(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verdict in (None, None, "shorter"):
        await review.main(workspace, verdict)
        assert all("waits for a person" in line for line in printed(capsys))
        assert list(workspace.glob("*.txt")) == []
    for _ in range(2):
        await review.main(workspace, "send")
        assert printed(capsys)[-1] == "sent: Rope arrived. Thanks."
    (letter,) = workspace.glob("*.txt")
    assert letter.read_text() == "Rope arrived. Thanks."


async def test_a_team_answers_with_what_each_of_its_members_found(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in (team.MODEL, SILENT):
        monkeypatch.setattr(team, "MODEL", model)
        await team.main(workspace)
        first, *rows = printed(capsys)
        assert first == "12 at $3"
        assert sorted(rows) == ["  cooper: succeeded", "  purser: succeeded", "lead: succeeded"]


async def paid(workspace: Path) -> list[str]:
    """Go the golden path, each stretch twice; return what stands in the book of the bank."""
    for settle in (False, False, True, True):
        await payment.main(workspace, settle=settle)
    return (workspace / "bank.txt").read_text().splitlines()


async def test_a_payment_in_doubt_is_settled_replayed_and_made_once(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await paid(workspace) == ["40 to Ann"]
    lines = printed(capsys)
    assert all("requires reconciliation" in line for line in lines[:2])
    assert lines[2] == lines[4] == "Ann has 40 dollars: paid"
    assert lines[3] == lines[5]
    assert lines[3].endswith("on record, to the end")


async def test_who_settles_without_looking_pays_twice(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blindly(kernel: Kernel, run: Run, seq: int, _bank: payment.Bank) -> None:
        await kernel.reconcile(run, seq, verdict="retry", reason="it will be all right")

    monkeypatch.setattr(payment, "look_and_settle", blindly)
    with pytest.raises(Exception, match="requires reconciliation"):
        await paid(workspace)
    assert (workspace / "bank.txt").read_text().splitlines() == ["40 to Ann"] * 2
