"""Actors, messages, usage, needs: small values with rules of their own."""

import getpass

import pytest
from pydantic import ValidationError

from quarterdeck_kernel.vocabulary.actor import AGENT, KERNEL, Actor, operator
from quarterdeck_kernel.vocabulary.messages import Message, ToolCall, context_digest
from quarterdeck_kernel.vocabulary.usage import Usage
from quarterdeck_kernel.vocabulary.words import NeedRank


def test_actors_are_shown_as_they_are() -> None:
    assert str(AGENT) == "agent"
    assert str(KERNEL) == "kernel"
    assert str(operator("ada")) == "operator:ada"


def test_a_person_is_recorded_with_what_the_machine_knows() -> None:
    ada = operator("ada")
    assert ada.kind == "operator"
    assert ada.host
    assert ada.os_user
    assert operator().name == operator().os_user


def test_a_person_without_an_account_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert operator().os_user == "unknown"


def test_values_do_not_change_and_know_their_names() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        AGENT.kind = "kernel"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Actor.model_validate({"kind": "agent", "rank": "captain"})


def test_a_messages_digest_covers_all_of_it() -> None:
    base = Message(role="assistant", text="aye")
    call = ToolCall(call_id="1", tool="pay", arguments="{}")
    others = [
        Message(role="user", text="aye"),
        Message(role="assistant", text="aye "),
        Message(role="assistant", text="aye", tool_calls=(call,)),
        Message(role="assistant", text="aye", call_id="1"),
    ]
    assert len({message.digest() for message in (base, *others)}) == 5
    assert base.digest() == Message(role="assistant", text="aye", tool_calls=()).digest()


def test_a_messages_digest_never_changes() -> None:
    stored = "6d9510e6207141e0767cf27776b8c9be711e5463c953f802bfcc340360573829"
    assert Message(role="user", text="ahoy").digest() == stored


def test_a_contexts_digest_depends_on_the_order() -> None:
    assert context_digest(["a", "b"]) != context_digest(["b", "a"])
    assert context_digest(["ab"]) != context_digest(["a", "b"])


def test_tokens_are_added_up_and_never_negative() -> None:
    usage = Usage(input_tokens=5, output_tokens=7, cached_tokens=3, reasoning_tokens=2)
    assert usage.total_tokens == 12
    with pytest.raises(ValidationError):
        Usage(input_tokens=-1)


def test_the_order_of_need_is_the_interfaces() -> None:
    assert [rank.name.lower() for rank in sorted(NeedRank)] == [
        "unknown",
        "waiting",
        "failed",
        "timed_out",
        "adrift",
        "held",
        "running",
        "queued",
        "done",
        "cancelled",
    ]
