"""Judging a call that is new: what the guards say, and the events that follow from it.

Every verdict that can deny or pause comes before the intent. An approval is bound to a digest of
exactly what would run; if that has changed since, the person is asked again.
"""

from dataclasses import dataclass

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.boundary import paused, stopped
from quarterdeck_kernel.engine.cancellation import Stop, in_time
from quarterdeck_kernel.engine.denials import denied
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import (
    AskedCall,
    ExactCall,
    Permission,
    ReadyCall,
)
from quarterdeck_kernel.engine.tool_ingress import Remark, remarks, shown
from quarterdeck_kernel.engine.tool_record import (
    Again,
    Allowed,
    Answered,
    Fresh,
)
from quarterdeck_kernel.errors import (
    QuarterdeckError,
    StepInterruptedError,
    ToolArgumentsError,
)
from quarterdeck_kernel.events.control_events import Held
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolCompleted, ToolRequested
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.guards.chain import Chain, Judged
from quarterdeck_kernel.guards.proposed import ProposedCall
from quarterdeck_kernel.guards.verdict import Deny
from quarterdeck_kernel.projections.rebuild import tool_message
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.vocabulary.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Goes:
    """The call may be made: its intent is to be written, behind what guards warned of."""

    ready: ReadyCall
    warnings: tuple[Remark, ...] = ()

    @property
    def decided(self) -> bool:
        """Tell whether a recorded decision allows it, so that it may go while the run waits."""
        permission = self.ready.permission
        return permission.pause_id is not None or permission.decision_seq is not None

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the intent."""
        return [*self.warnings, intent_of(self.ready)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A person answered in the tool's place: nothing is dispatched."""

    ready: ReadyCall
    answer: JsonValue
    decided: bool = False

    def events(self, first: int) -> list[AnyEvent]:
        """Return intent and outcome, which stand together: the intent as event `first`."""
        outcome = ToolCompleted(
            intent_seq=first,
            call_id=self.ready.asked.call_id,
            outcome="success",
            cause="answered",
            result=self.answer,
            error=None,
        )
        told = outcome.model_copy(update={"message_digest": tool_message(outcome).digest()})
        return [intent_of(self.ready), told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """A person has to agree first."""

    question: PauseRequested
    warnings: tuple[Remark, ...] = ()
    decided: bool = False

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the question."""
        return [*self.warnings, self.question]

    def error(self, state: RunState, _seq: int) -> QuarterdeckError:
        """Return what whoever asked for the call is told."""
        return paused(state, self.question.pause_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A guard refuses the call."""

    denial: GuardDenied
    warnings: tuple[Remark, ...] = ()
    decided: bool = False

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the denial."""
        return [*self.warnings, self.denial]

    def error(self, _state: RunState, seq: int) -> QuarterdeckError:
        """Return what whoever asked for the call is told."""
        return denied(self.denial, seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """A guard stops the whole run: nothing is on record for the call, it is judged anew later."""

    held: Held
    warnings: tuple[Remark, ...] = ()
    decided: bool = False

    def events(self, _first: int) -> list[AnyEvent]:
        """Return what is written; the last event is the hold."""
        return [*self.warnings, self.held]

    def error(self, state: RunState, _seq: int) -> QuarterdeckError:
        """Return what whoever asked for the call is told."""
        error = stopped(state)
        assert error is not None, "the run was held just now"
        return error


Plan = Goes | Told | Asks | Denied | Holds


def intent_of(ready: ReadyCall) -> ToolRequested:
    """Return the intent of a call."""
    asked, tool = ready.asked, ready.asked.tool
    return ToolRequested(
        step_key=asked.step_key,
        tool=tool.name,
        version=tool.version,
        effect=tool.effect,
        idempotency_key=asked.idempotency_key,
        digest=ready.digest,
        call_id=asked.call_id,
        model_seq=asked.model_seq,
        turn=asked.turn,
        attempt=ready.attempt,
        capability=tool.capability,
        risk=tool.risk,
        timeout_us=int(asked.retry.timeout_s * 1_000_000),
        pause_id=ready.permission.pause_id,
        decision_seq=ready.permission.decision_seq,
        arguments=ready.arguments,
        preview=ready.preview,
    )


class ToolJudge:
    """Turns what is on record for the calls of one batch into what is to be written next."""

    def __init__(self, driver: RunDriver, chain: Chain, stop: Stop) -> None:
        self._driver = driver
        self._chain = chain
        self._stop = stop
        self._ahead = 0

    async def judged(self, asked: AskedCall, found: Fresh | Again | Allowed | Answered) -> Plan:
        """Return what is to become of the next call of the batch."""
        plan = await self._plan(asked, found)
        if isinstance(plan, Goes | Told):
            self._ahead += 1
        return plan

    async def _plan(self, asked: AskedCall, found: Fresh | Again | Allowed | Answered) -> Plan:
        match found:
            case Fresh(attempt=attempt):
                return await self._new(asked, attempt, Permission())
            case Again(before=before) if _same_tool(asked, before):
                ready = ReadyCall(
                    asked=asked,
                    arguments=before.arguments or asked.arguments,
                    digest=before.digest,
                    preview=before.preview,
                    attempt=found.attempt,
                    permission=Permission(decision_seq=found.decision_seq),
                )
                return Goes(ready=ready)
            case Again(attempt=attempt, decision_seq=decision_seq):
                return await self._new(asked, attempt, Permission(decision_seq=decision_seq))
            case Allowed():
                return await self._allowed(asked, found)
            case Answered(answer=answer):
                digest = self._digest(asked, asked.arguments, None, ())
                ready = ReadyCall(asked=asked, arguments=asked.arguments, digest=digest)
                return Told(ready=ready, answer=answer)

    async def _new(
        self,
        asked: AskedCall,
        attempt: int,
        permission: Permission,
        allowed: Allowed | None = None,
    ) -> Plan:
        """Judge a call; where a person has allowed one, see whether it is this very one."""
        arguments, preview = asked.arguments, None
        edited = allowed is not None and allowed.call.decision == "edited"
        try:
            if allowed is not None and allowed.arguments is not None:
                arguments = asked.tool.parse(allowed.arguments)
            if asked.tool.has_preview and not edited:
                # Who edits sees no preview: it would have to be made where the tool is not.
                preview = await in_time(
                    asked.tool.preview(arguments), self._driver.clock, self._stop
                )
        except ToolArgumentsError as error:
            reason = f"what a person made of its arguments does not fit: {error}"
            return Denied(denial=self._denial(asked, "edit", Deny(reason=reason)))
        except StepInterruptedError:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be shown cannot be agreed to
            reason = f"its preview failed: {type(error).__name__}: {error_text(error)}"
            return Denied(denial=self._denial(asked, "preview", Deny(reason=reason)))
        fresh = allowed is None and attempt == 1
        preview, redacted, refused = shown(self._driver, asked, preview, fresh=fresh)
        if refused is not None:
            return Denied(denial=refused)
        said = await self._judged(self._proposed(asked, arguments, preview))
        warnings = remarks(asked, redacted, said)
        if said.hold is not None:
            _, hold = said.hold
            return Holds(held=Held(by=hold.by, reason=hold.reason), warnings=warnings)
        if said.denial is not None:
            guard, denial = said.denial
            refusal = self._denial(asked, guard, denial)
            return Denied(denial=refusal, warnings=warnings)
        # An edit is bound as the person wrote it; what a tool's defaults add follows from it.
        written = allowed.arguments if allowed is not None and edited else None
        bound = arguments if written is None else written
        digest = self._digest(asked, bound, preview, said.rules)
        if allowed is not None and digest == allowed.call.digest:
            permission = permission._replace(pause_id=allowed.call.pause_id)
        elif allowed is not None and edited:
            # Other rules than the person saw: asked again, about what they made of it.
            seen = allowed.call._replace(decision="approved")
            return await self._new(asked, attempt, permission, Allowed(seen, arguments))
        elif said.pause is not None:
            question = self._question(asked, said, digest, arguments, preview)
            return Asks(question=question, warnings=warnings)
        if asked.tool.answered_by_caller:
            return Asks(question=self._question_to_caller(asked), warnings=warnings)
        ready = ReadyCall(
            asked=asked,
            arguments=arguments,
            digest=digest,
            preview=preview,
            attempt=attempt,
            permission=permission,
        )
        return Goes(ready=ready, warnings=warnings)

    async def _judged(self, call: ProposedCall) -> Judged:
        if not self._chain.judges_calls:
            return Judged()
        try:
            return await in_time(self._chain.judged(call), self._driver.clock, self._stop)
        except TimeoutError as error:
            return Judged(denial=("guards", Deny(reason=f"the guards failed: {error}")))

    async def _allowed(self, asked: AskedCall, allowed: Allowed) -> Plan:
        retries = self._driver.state.allowed_retries.values()
        retry = next((r for r in retries if r.step_key == asked.step_key), None)
        if retry is None:
            return await self._new(asked, 1, Permission(), allowed)
        decision_seq = retry.decision_seq if retry.decided else None
        return await self._new(asked, retry.attempt, Permission(decision_seq=decision_seq), allowed)

    def _digest(
        self,
        asked: AskedCall,
        arguments: dict[str, JsonValue],
        preview: JsonValue,
        rules: tuple[str, ...],
    ) -> str:
        as_asked = arguments is asked.arguments
        return ExactCall(
            run=self._driver.run_id,
            tenant=self._driver.tenant,
            step=asked.step_key,
            tool=asked.tool.name,
            version=asked.tool.version,
            effect=asked.tool.effect,
            arguments=asked.arguments_digest if as_asked else canonical.digest(arguments),
            preview=preview,
            rules=rules,
        ).digest()

    def _proposed(
        self, asked: AskedCall, arguments: dict[str, JsonValue], preview: JsonValue
    ) -> ProposedCall:
        tool = asked.tool
        return ProposedCall(
            run_id=self._driver.run_id,
            tenant=self._driver.tenant,
            step_key=asked.step_key,
            tool=tool.name,
            version=tool.version,
            effect=tool.effect,
            capability=tool.capability,
            risk=tool.risk,
            arguments=arguments,
            preview=preview,
            state=self._driver.state,
            at_us=self._driver.clock.now_us(),
            turn=asked.turn,
            ahead=self._ahead,
        )

    def _question(
        self,
        asked: AskedCall,
        said: Judged,
        digest: str,
        arguments: dict[str, JsonValue],
        preview: JsonValue,
    ) -> PauseRequested:
        pause, tool = said.pause, asked.tool
        assert pause is not None, "there is a question where a guard has one"
        expires_us = None
        if pause.expires_after_s is not None:
            expires_us = self._driver.clock.now_us() + int(pause.expires_after_s * 1_000_000)
        return PauseRequested(
            pause_id=new_id(),
            type=pause.type,
            step_key=asked.step_key,
            tool=tool.name,
            tool_version=tool.version,
            effect=tool.effect,
            call_id=asked.call_id,
            digest=digest,
            risk=pause.risk or tool.risk,
            expires_at_us=expires_us,
            people_needed=pause.people_needed,
            title=pause.title,
            details={
                "arguments": arguments,
                "asked": asked.arguments,
                "preview": preview,
                "rules": list(said.rules),
            },
            options=None,
        )

    @staticmethod
    def _question_to_caller(asked: AskedCall) -> PauseRequested:
        return PauseRequested(
            pause_id=new_id(),
            type="custom",
            step_key=asked.step_key,
            tool=asked.tool.name,
            tool_version=asked.tool.version,
            effect=asked.tool.effect,
            call_id=asked.call_id,
            title=f"answer {asked.tool.name}",
            details={"arguments": asked.arguments, "asked": asked.arguments},
            options=None,
        )

    @staticmethod
    def _denial(asked: AskedCall, guard: str, denial: Deny) -> GuardDenied:
        return GuardDenied(
            guard=guard,
            rule=denial.rule,
            rules=denial.rules,
            step_key=asked.step_key,
            tool=asked.tool.name,
            reason=denial.reason,
        )


def _same_tool(asked: AskedCall, before: ToolRequested) -> bool:
    return (before.version, before.effect) == (asked.tool.version, asked.tool.effect)
