"""The closed union: every kind named once, each a frozen payload."""

import pytest
from pydantic import ValidationError

from quarterdeck_kernel.events import payload as payload_module
from quarterdeck_kernel.events.payload import Payload
from quarterdeck_kernel.events.record import BLOB_KEY
from quarterdeck_kernel.events.run_events import RunFailed
from quarterdeck_kernel.events.union import BY_KIND
from quarterdeck_kernel.events.unleased import UNLEASED_KINDS
from tests.kernel.events.payloads import fixed_example

DESIGN = """
run_queued run_started run_succeeded run_failed run_cancelled run_timed_out run_forked fork_merged
resume_requested acknowledged phase_entered model_requested model_completed model_failed
tool_requested tool_completed tool_evidence tool_reconciled workflow_step_requested
workflow_step_completed timer_set timer_fired signal_received value_recorded external_recorded
pause_requested pause_resolved pause_expired operator_message held released cancel_requested
budget_changed model_swapped agent_changed tool_scope_changed grant_given grant_revoked
guard_warned guard_denied guard_redacted circuit_opened circuit_closed context_compacted
memory_changed skill_loaded child_started child_finished artifact_written
"""


def leaves(cls: type[Payload]) -> set[type[Payload]]:
    below = cls.__subclasses__()
    return {cls} if not below else set().union(*map(leaves, below))


def test_the_union_holds_the_kinds_of_the_design() -> None:
    assert sorted(BY_KIND) == sorted(DESIGN.split())


def test_no_payload_stands_outside_the_union() -> None:
    own = {cls for cls in leaves(payload_module.Payload) if cls.__module__.startswith("quarter")}
    assert own == set(BY_KIND.values())


def test_unleased_kinds_are_kinds() -> None:
    assert set(BY_KIND) > UNLEASED_KINDS
    # A person never writes what only an effect or its driver can know.
    for kind in ("tool_requested", "tool_completed", "model_completed", "run_succeeded"):
        assert kind not in UNLEASED_KINDS


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_facts_and_content_are_told_apart(kind: str) -> None:
    cls = BY_KIND[kind]
    payload = fixed_example(cls)
    facts, content = payload.split()
    assert facts["kind"] == kind
    assert set(content) == set(cls.erasable_fields)
    assert set(facts) | set(content) == set(cls.model_fields)
    assert not set(facts) & set(content)
    assert not {BLOB_KEY, "size"} & set(content)
    assert cls.__doc__


def test_payloads_are_values() -> None:
    failed = RunFailed(error="x", message="m", partial_answer=None)
    with pytest.raises(ValidationError):
        failed.error = "y"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        RunFailed.model_validate({"error": "x", "message": "", "partial_answer": 1, "more": 1})
