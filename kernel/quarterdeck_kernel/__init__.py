"""The durable kernel of Quarterdeck: a library with no screen in it.

What stands here, and the errors in `quarterdeck_kernel.errors`, is what users import; everything
else may move. `kernel/README.md` has the map.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quarterdeck_kernel.agent.result import AgentResult
    from quarterdeck_kernel.agent.skills import Skill
    from quarterdeck_kernel.agent.spec import AgentSpec, CompactionPolicy, Section
    from quarterdeck_kernel.agent.turn_log import ToolLine, TurnLine, turn_log
    from quarterdeck_kernel.agent.viewing import Viewed, view
    from quarterdeck_kernel.engine.comparison import Comparison, Divergence, RunTotals, compare
    from quarterdeck_kernel.engine.grants import StandingGrant
    from quarterdeck_kernel.engine.hook import (
        Happened,
        Hook,
        ModelTurn,
        ToolTurn,
        guardrail,
        observer,
        rewriter,
    )
    from quarterdeck_kernel.engine.journal import Decide, Journal
    from quarterdeck_kernel.engine.log_reader import state_at
    from quarterdeck_kernel.engine.model_ask import ModelResult
    from quarterdeck_kernel.engine.moments import Moments
    from quarterdeck_kernel.engine.pauses import PauseAnswer
    from quarterdeck_kernel.engine.reconciling import Reconciled
    from quarterdeck_kernel.engine.replay_report import ReplayReport
    from quarterdeck_kernel.engine.tool_call import ToolResult
    from quarterdeck_kernel.engine.verification import rebuild, verify
    from quarterdeck_kernel.errors import QuarterdeckError
    from quarterdeck_kernel.events.envelope import Event, open_record
    from quarterdeck_kernel.guards.breaker import BreakerGuard
    from quarterdeck_kernel.guards.chain import Guard, GuardKind
    from quarterdeck_kernel.guards.loop import LoopGuard
    from quarterdeck_kernel.guards.personal_data.category import Finding
    from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy, Treatments
    from quarterdeck_kernel.guards.proposed import ProposedCall, ProposedRequest
    from quarterdeck_kernel.guards.verdict import (
        ALLOW,
        Allow,
        Degrade,
        Deny,
        Hold,
        Pause,
        Verdict,
        Warn,
    )
    from quarterdeck_kernel.kernel.asking import ToolAsk
    from quarterdeck_kernel.kernel.decisions import Decisions
    from quarterdeck_kernel.kernel.flow import Flow
    from quarterdeck_kernel.kernel.kernel import Kernel
    from quarterdeck_kernel.kernel.ledger import LedgerEntry
    from quarterdeck_kernel.kernel.opening import open_store
    from quarterdeck_kernel.kernel.recorded import export_run, import_recording, open_recording
    from quarterdeck_kernel.kernel.run import DriftPolicy, Run
    from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest
    from quarterdeck_kernel.models.script import Script, load_script
    from quarterdeck_kernel.models.scripted import ScriptedModel
    from quarterdeck_kernel.projections.alignment import Pair, StepLine
    from quarterdeck_kernel.projections.moment import Difference, Moment, difference
    from quarterdeck_kernel.projections.state import RunState
    from quarterdeck_kernel.recordings.reading import verify_recording
    from quarterdeck_kernel.runs.fork_at import ForkChanges, NewResult
    from quarterdeck_kernel.runs.fork_plan import ForkEffect, ForkPlan, ForkTotals
    from quarterdeck_kernel.store.bookmark import Bookmark
    from quarterdeck_kernel.store.listing import FleetFilter
    from quarterdeck_kernel.store.port import EventStore
    from quarterdeck_kernel.store.subscription import subscribe
    from quarterdeck_kernel.supervisor.notice import Notice
    from quarterdeck_kernel.tools.context import ToolContext
    from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL, NOT_DONE, Done
    from quarterdeck_kernel.tools.tool import Tool
    from quarterdeck_kernel.tools.tool_of import tool_of
    from quarterdeck_kernel.vocabulary.actor import AGENT, KERNEL, Actor, operator
    from quarterdeck_kernel.vocabulary.budgets import BudgetLimit, Budgets
    from quarterdeck_kernel.vocabulary.messages import Message, ToolCall, ToolSchema
    from quarterdeck_kernel.vocabulary.money import dollars_of, micros_of
    from quarterdeck_kernel.vocabulary.price import Price
    from quarterdeck_kernel.vocabulary.retry import RetryPolicy
    from quarterdeck_kernel.vocabulary.tenant import Tenant
    from quarterdeck_kernel.vocabulary.tiers import Route
    from quarterdeck_kernel.vocabulary.usage import Usage

__all__ = [
    "AGENT",
    "ALLOW",
    "CANNOT_TELL",
    "KERNEL",
    "NOT_DONE",
    "Actor",
    "AgentResult",
    "AgentSpec",
    "Allow",
    "Bookmark",
    "BreakerGuard",
    "BudgetLimit",
    "Budgets",
    "CompactionPolicy",
    "Comparison",
    "Decide",
    "Decisions",
    "Degrade",
    "Deny",
    "Difference",
    "Divergence",
    "Done",
    "DriftPolicy",
    "Event",
    "EventStore",
    "Finding",
    "FleetFilter",
    "Flow",
    "ForkChanges",
    "ForkEffect",
    "ForkPlan",
    "ForkTotals",
    "Guard",
    "GuardKind",
    "Happened",
    "Hold",
    "Hook",
    "Journal",
    "Kernel",
    "LedgerEntry",
    "LoopGuard",
    "Message",
    "ModelAnswer",
    "ModelPort",
    "ModelRequest",
    "ModelResult",
    "ModelTurn",
    "Moment",
    "Moments",
    "NewResult",
    "Notice",
    "Pair",
    "Pause",
    "PauseAnswer",
    "PersonalDataPolicy",
    "Price",
    "ProposedCall",
    "ProposedRequest",
    "QuarterdeckError",
    "Reconciled",
    "ReplayReport",
    "RetryPolicy",
    "Route",
    "Run",
    "RunState",
    "RunTotals",
    "Script",
    "ScriptedModel",
    "Section",
    "Skill",
    "StandingGrant",
    "StepLine",
    "Tenant",
    "Tool",
    "ToolAsk",
    "ToolCall",
    "ToolContext",
    "ToolLine",
    "ToolResult",
    "ToolSchema",
    "ToolTurn",
    "Treatments",
    "TurnLine",
    "Usage",
    "Verdict",
    "Viewed",
    "Warn",
    "compare",
    "difference",
    "dollars_of",
    "export_run",
    "guardrail",
    "import_recording",
    "load_script",
    "micros_of",
    "observer",
    "open_record",
    "open_recording",
    "open_store",
    "operator",
    "rebuild",
    "rewriter",
    "state_at",
    "subscribe",
    "tool_of",
    "turn_log",
    "verify",
    "verify_recording",
    "view",
]

_HOME = {
    "agent.result": "AgentResult",
    "agent.skills": "Skill",
    "agent.spec": "AgentSpec CompactionPolicy Section",
    "agent.turn_log": "ToolLine TurnLine turn_log",
    "agent.viewing": "Viewed view",
    "engine.comparison": "Comparison Divergence RunTotals compare",
    "engine.grants": "StandingGrant",
    "engine.hook": "Happened Hook ModelTurn ToolTurn guardrail observer rewriter",
    "engine.journal": "Decide Journal",
    "engine.log_reader": "state_at",
    "engine.model_ask": "ModelResult",
    "engine.moments": "Moments",
    "engine.pauses": "PauseAnswer",
    "engine.reconciling": "Reconciled",
    "engine.replay_report": "ReplayReport",
    "engine.tool_call": "ToolResult",
    "engine.verification": "rebuild verify",
    "errors": "QuarterdeckError",
    "events.envelope": "Event open_record",
    "guards.breaker": "BreakerGuard",
    "guards.chain": "Guard GuardKind",
    "guards.loop": "LoopGuard",
    "guards.personal_data.category": "Finding",
    "guards.personal_data.policy": "PersonalDataPolicy Treatments",
    "guards.proposed": "ProposedCall ProposedRequest",
    "guards.verdict": "ALLOW Allow Degrade Deny Hold Pause Verdict Warn",
    "kernel.asking": "ToolAsk",
    "kernel.decisions": "Decisions",
    "kernel.flow": "Flow",
    "kernel.kernel": "Kernel",
    "kernel.ledger": "LedgerEntry",
    "kernel.opening": "open_store",
    "kernel.recorded": "export_run import_recording open_recording",
    "kernel.run": "DriftPolicy Run",
    "models.port": "ModelAnswer ModelPort ModelRequest",
    "models.script": "Script load_script",
    "models.scripted": "ScriptedModel",
    "projections.alignment": "Pair StepLine",
    "projections.moment": "Difference Moment difference",
    "projections.state": "RunState",
    "recordings.reading": "verify_recording",
    "runs.fork_at": "ForkChanges NewResult",
    "runs.fork_plan": "ForkEffect ForkPlan ForkTotals",
    "store.bookmark": "Bookmark",
    "store.listing": "FleetFilter",
    "store.port": "EventStore",
    "store.subscription": "subscribe",
    "supervisor.notice": "Notice",
    "tools.context": "ToolContext",
    "tools.probe_answer": "CANNOT_TELL NOT_DONE Done",
    "tools.tool": "Tool",
    "tools.tool_of": "tool_of",
    "vocabulary.actor": "AGENT KERNEL Actor operator",
    "vocabulary.budgets": "BudgetLimit Budgets",
    "vocabulary.messages": "Message ToolCall ToolSchema",
    "vocabulary.money": "dollars_of micros_of",
    "vocabulary.price": "Price",
    "vocabulary.retry": "RetryPolicy",
    "vocabulary.tenant": "Tenant",
    "vocabulary.tiers": "Route",
    "vocabulary.usage": "Usage",
}
"""Where each name stands. It is fetched when it is first asked for: a screen that only reads loads
no engine, and the first frame does not wait for one."""

_MODULES = {name: module for module, names in _HOME.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
