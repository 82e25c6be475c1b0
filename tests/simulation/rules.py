"""The rules of the effect protocol, each of which can be broken to see that it is needed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What DESIGN asks of drivers and of the log; all of it by default.

    `judged`: the kernel's own `legality` is asked for every event. A broken rule is tried without
    it, so that it is the oracle which must find the fault.
    """

    judged: bool = True

    append_checks_epoch: bool = True
    answer_must_stand: bool = True

    intent_before_call: bool = True
    dispatch_once: bool = True
    dispatch_checks_epoch: bool = True
    dispatch_checks_deadline: bool = True
    dispatch_checks_hold: bool = True
    late_renewal_looks: bool = True

    pause_blocks: bool = True
    unknown_blocks: bool = True
    hold_blocks: bool = True
    approval_used_once: bool = True
    approval_is_for_digest: bool = True

    retry_needs_decision: bool = True
    timeout_is_unknown: bool = True
    not_done_waits: bool = True
    outcome_is_rebased: bool = True
    outcome_becomes_evidence: bool = True
    cancel_waits_for_open: bool = True
    recovery_closes: bool = True

    evidence_stops_retry: bool = True
    not_done_needs_death: bool = True


RIGHT = Rules()

MUTANTS: Mapping[str, Rules] = MappingProxyType(
    {
        name: replace(RIGHT, judged=False, **{name: False})
        for name in (
            "append_checks_epoch",
            "answer_must_stand",
            "intent_before_call",
            "dispatch_once",
            "dispatch_checks_epoch",
            "dispatch_checks_deadline",
            "dispatch_checks_hold",
            "late_renewal_looks",
            "pause_blocks",
            "unknown_blocks",
            "hold_blocks",
            "approval_used_once",
            "approval_is_for_digest",
            "retry_needs_decision",
            "timeout_is_unknown",
            "not_done_waits",
            "outcome_is_rebased",
            "outcome_becomes_evidence",
            "cancel_waits_for_open",
            "recovery_closes",
            "evidence_stops_retry",
        )
    }
)
"""Protocols with one rule broken."""
