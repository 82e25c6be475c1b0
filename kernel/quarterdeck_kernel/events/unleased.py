"""Which events need no lease. A store asks for it, and must know nothing else of events."""

UNLEASED_KINDS = frozenset(
    {
        "resume_requested",
        "acknowledged",
        "tool_evidence",
        "tool_reconciled",
        "pause_resolved",
        "operator_message",
        "signal_received",
        "external_recorded",
        "fork_merged",
        "held",
        "released",
        "circuit_closed",
        "cancel_requested",
        "budget_changed",
        "model_swapped",
        "agent_changed",
        "tool_scope_changed",
        "grant_given",
        "grant_revoked",
        "guard_redacted",
        "artifact_written",
    }
)
"""Kinds that are accepted without the run's lease (DESIGN, "Who may write"): what people decide,
what was taken out of that before it was stored, and what a driver that lost its lease still has to
tell about an unknown."""
