"""Judging a call that is new: what the guards say, and the events that follow from it.

Every verdict that can deny or pause comes before the intent. An approval is bound to a digest of
exactly what would run; if that has changed since, the person is asked again.
"""

from dataclasses import replace

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.engine.cancellation import Stop, in_time
from quarterdeck_kernel.engine.grants import covering
from quarterdeck_kernel.engine.holding import holding
from quarterdeck_kernel.engine.reserving import reservation_of
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.tool_call import (
    AskedCall,
    ExactCall,
    Permission,
    ReadyCall,
)
from quarterdeck_kernel.engine.tool_ingress import Shown, looked_through, preconditions_of, remarks
from quarterdeck_kernel.engine.tool_plan import Asks, Denied, Goes, Holds, Plan, Told
from quarterdeck_kernel.engine.tool_record import (
    Again,
    Allowed,
    Answered,
    Fresh,
)
from quarterdeck_kernel.errors import (
    StepInterruptedError,
    ToolArgumentsError,
)
from quarterdeck_kernel.events.guard_events import GuardDenied
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.events.tool_events import ToolRequested
from quarterdeck_kernel.guards.chain import FURTHER, ORDER, Chain, Judged, Kinds
from quarterdeck_kernel.guards.proposed import Ahead, ProposedCall
from quarterdeck_kernel.guards.verdict import Degrade, Deny, Hold
from quarterdeck_kernel.projections.texts import error_text
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.reservation import Reservation


class ToolJudge:
    """Turns what is on record for the calls of one batch into what is to be written next."""

    def __init__(self, driver: RunDriver, chain: Chain, stop: Stop) -> None:
        self._driver = driver
        self._chain = chain
        self._stop = stop
        self._ahead: list[Ahead] = []

    async def judged(self, asked: AskedCall, found: Fresh | Again | Allowed | Answered) -> Plan:
        """Return what is to become of the next call of the batch."""
        plan = await self._plan(asked, found)
        if isinstance(plan, Goes | Told):
            digest = self._input_digest(asked) or ""
            self._ahead.append(Ahead(digest, plan.ready.reservation))
        return plan

    async def _plan(self, asked: AskedCall, found: Fresh | Again | Allowed | Answered) -> Plan:
        match found:
            case Fresh(attempt=attempt):
                return await self._new(asked, attempt, Permission())
            case Again(before=before) if await self._as_before(asked, before):
                ready = ReadyCall(
                    asked=asked,
                    arguments=before.arguments or asked.arguments,
                    digest=before.digest,
                    preview=before.preview,
                    preconditions=before.preconditions,
                    attempt=found.attempt,
                    permission=Permission(decision_seq=found.decision_seq),
                    note=before.note,
                )
                return await self.further(ready)
            case Again(attempt=attempt, decision_seq=decision_seq):
                return await self._new(asked, attempt, Permission(decision_seq=decision_seq))
            case Allowed():
                return await self._allowed(asked, found)
            case Answered(answer=answer):
                digest = self._digest(asked, asked.arguments, Shown(), ())
                ready = ReadyCall(asked=asked, arguments=asked.arguments, digest=digest)
                return Told(ready=ready, answer=answer)

    async def further(self, ready: ReadyCall) -> Goes | Holds:
        """Judge a further try: only whether enough is left to pay for it.

        It is never denied: something on record waits for its end.
        """
        ready = replace(ready, reservation=self._reservation(ready.asked))
        call = self._proposed(ready.asked, ready.arguments, ready.preview)
        said = await self._judged(call, FURTHER)
        warnings = remarks(ready.asked, (), said)
        refusal = said.denial or said.degrade
        if said.hold is None and refusal is None:
            return Goes(ready=ready, warnings=warnings)
        hold = said.hold[1] if said.hold is not None else None
        if hold is None:
            assert refusal is not None, "one of them was said"
            hold = Hold(by="budget", reason=refusal[1].reason, rule=refusal[1].rule)
        return Holds(held=holding(hold, self._driver.state), warnings=warnings)

    async def _new(
        self,
        asked: AskedCall,
        attempt: int,
        permission: Permission,
        allowed: Allowed | None = None,
    ) -> Plan:
        """Judge a call; where a person has allowed one, see whether it is this very one."""
        arguments, shown = asked.arguments, Shown()
        edited = allowed is not None and allowed.call.edited_seq is not None
        try:
            if allowed is not None and allowed.arguments is not None:
                arguments = asked.tool.parse(allowed.arguments)
            shown = await self._shown(asked, arguments, preview=not edited)
        except ToolArgumentsError as error:
            reason = f"what a person made of its arguments does not fit: {error}"
            return Denied(denial=self._denial(asked, "edit", Deny(reason=reason)))
        except StepInterruptedError:
            raise
        except Exception as error:  # noqa: BLE001 - what cannot be shown cannot be agreed to
            reason = (
                f"its preview or its preconditions failed: {type(error).__name__}: "
                f"{error_text(error)}"
            )
            return Denied(denial=self._denial(asked, "preview", Deny(reason=reason)))
        fresh = allowed is None and attempt == 1
        shown, redacted, refused = looked_through(self._driver, asked, shown, fresh=fresh)
        if refused is not None:
            return Denied(denial=refused)
        call = self._proposed(asked, arguments, shown.preview)
        said = await self._judged(call)
        warnings = remarks(asked, redacted, said)
        if said.hold is not None:
            return Holds(held=holding(said.hold[1], self._driver.state), warnings=warnings)
        if (objection := said.denial or said.degrade) is not None:
            guard, denial = objection
            return Denied(denial=self._denial(asked, guard, denial), warnings=warnings)
        # An edit is bound as the person wrote it; what a tool's defaults add follows from it.
        written = allowed.arguments if allowed is not None and edited else None
        bound = arguments if written is None else written
        digest = self._digest(asked, bound, shown, said.rules)
        if allowed is not None and digest == allowed.call.digest:
            permission = permission._replace(pause_id=allowed.call.pause_id)
        elif allowed is not None and edited:
            # Other rules than the person saw: asked again, about what they made of it.
            as_shown = allowed.call._replace(edited_seq=None)
            return await self._new(asked, attempt, permission, Allowed(as_shown, arguments))
        elif said.pause is not None:
            question = self._question(asked, said, digest, arguments, shown)
            # Somebody may have taken a grant back since this driver last looked.
            state = await self._driver.refresh()
            grant_id = await covering(self._driver.store, state, question, arguments)
            if grant_id is None:
                return Asks(question=question, warnings=warnings)
            permission = permission._replace(grant_id=grant_id)
        if asked.tool.answered_by_caller:
            return Asks(question=self._question_to_caller(asked), warnings=warnings)
        ready = ReadyCall(
            asked=asked,
            arguments=arguments,
            digest=digest,
            preview=shown.preview,
            preconditions=shown.preconditions,
            attempt=attempt,
            permission=permission,
            reservation=call.reservation,
            input_digest=self._input_digest(asked),
            note=said.note,
        )
        return Goes(ready=ready, warnings=warnings)

    async def _shown(
        self, asked: AskedCall, arguments: dict[str, JsonValue], *, preview: bool
    ) -> Shown:
        """Ask the tool what it would do, and upon what it would do that.

        Who edits sees no preview: it would have to be made where the tool is not.
        """
        tool, clock = asked.tool, self._driver.clock
        return Shown(
            await in_time(tool.preview(arguments), clock, self._stop)
            if preview and tool.has_preview
            else None,
            await in_time(tool.preconditions(arguments), clock, self._stop)
            if tool.has_preconditions
            else None,
        )

    async def _as_before(self, asked: AskedCall, before: ToolRequested) -> bool:
        """Tell whether a further try is of the very same thing, and need not be judged."""
        if not _same_tool(asked, before):
            return False
        if not asked.tool.has_preconditions:
            return True
        try:
            arguments = before.arguments or asked.arguments
            now = await preconditions_of(self._driver, asked, arguments, self._stop)
        except StepInterruptedError:
            raise
        except Exception:  # noqa: BLE001 - judged anew, it says itself what is wrong
            return False
        return canonical.encode(now) == canonical.encode(before.preconditions)

    async def _judged(self, call: ProposedCall, kinds: Kinds = ORDER) -> Judged:
        if not self._chain.judges_calls:
            return Judged()
        while True:
            said = self._chain.judged(call, kinds)
            try:
                if not isinstance(said, Judged):
                    said = await in_time(said, self._driver.clock, self._stop)
            except TimeoutError as error:
                return Judged(denial=("guards", Deny(reason=f"the guards failed: {error}")))
            if not said.refuses or not await self._driver.moved_on(call.state):
                return said
            call = call._replace(state=self._driver.state)

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
        shown: Shown,
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
            preview=shown.preview,
            preconditions=shown.preconditions,
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
            reservation=self._reservation(asked),
            input_digest=self._input_digest(asked) or "",
            ahead=tuple(self._ahead),
        )

    def _input_digest(self, asked: AskedCall) -> str | None:
        """Return by what a loop is known: code of a workflow may ask again and again on purpose."""
        by_code = self._driver.flowing and asked.call_id is None
        return None if by_code else asked.input_digest

    def _reservation(self, asked: AskedCall) -> Reservation:
        return reservation_of(self._driver, micros=asked.tool.cost_micros)

    def _question(
        self,
        asked: AskedCall,
        said: Judged,
        digest: str,
        arguments: dict[str, JsonValue],
        shown: Shown,
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
                "preview": shown.preview,
                "preconditions": shown.preconditions,
                "rules": list(said.rules),
            },
            options=None,
            # Who edits has no tool to ask.
            answer_schema=tool.schema.parameters,
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
    def _denial(asked: AskedCall, guard: str, denial: Deny | Degrade) -> GuardDenied:
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
