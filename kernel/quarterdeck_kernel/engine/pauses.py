"""Pauses: asking a person, finding the answer, and letting what nobody answered expire.

A pause holds the run and is answered exactly once. Code that is run again finds the answer, or
the pause still open; it never opens a second one.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from quarterdeck_kernel import canonical
from quarterdeck_kernel.crash_point import crash_point
from quarterdeck_kernel.engine.answer_form import answer_form
from quarterdeck_kernel.engine.boundary import over, paused
from quarterdeck_kernel.engine.cancellation import Stop, through
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.engine.watch import A_WHILE_US, news
from quarterdeck_kernel.errors import DeniedError, DriftError, InvalidError, RunPausedError
from quarterdeck_kernel.events.people_events import PauseExpired, PauseRequested, PauseResolved
from quarterdeck_kernel.events.union import AnyEvent
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.tools.plain import plain
from quarterdeck_kernel.vocabulary.actor import KERNEL, Actor
from quarterdeck_kernel.vocabulary.ids import new_id
from quarterdeck_kernel.vocabulary.limits import LONGEST_WAIT_S
from quarterdeck_kernel.vocabulary.words import PauseType


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseQuestion:
    """What a person is asked."""

    step_key: str
    title: str
    type: PauseType = "input"
    details: JsonValue = None
    options: tuple[str, ...] = ()
    answer_schema: dict[str, JsonValue] | None = None
    expires_after_s: float | None = None
    with_token: bool = False

    def digest(self) -> str:
        """Return the hash that stands for what is asked."""
        asked = [self.step_key, self.title, self.type, plain(self.details), list(self.options)]
        return canonical.digest([*asked, self.answer_schema])


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseAnswer:
    """What a person said. A rejection is not an answer: it is raised as `DeniedError`.

    `decision` is `answered`, or `approved` where the question asks for a yes; `value` is true then.
    """

    step_key: str
    decision: str
    value: JsonValue
    actor: Actor
    seq: int


async def ask(driver: RunDriver, question: PauseQuestion, stop: Stop) -> PauseAnswer:
    """Return the answer of a pause; open it if nobody was asked yet."""
    await through(driver.gate, stop, driver.clock)
    try:
        await driver.take_up()
        row = await driver.row(question.step_key)
        if row is None:
            raise await _opened(driver, question)
        begun = await driver.event(row.requested_seq)
        pause = begun.payload
        if not isinstance(pause, PauseRequested) or pause.tool is not None:
            raise DriftError(
                f"step {question.step_key!r} is on record as {begun.kind} (event #{begun.seq}), "
                "not as a question of its own; use another step key",
                seq=begun.seq,
                recorded=begun.kind,
                offered=f"pause {question.title}",
                step_key=question.step_key,
                digest=question.digest(),
            )
        if row.completed_seq is None:
            await driver.fresh(f"pause {question.title!r}")
            if driver.state.terminal:
                raise over(driver.state)
        if row.completed_seq is None and pause.pause_id not in driver.state.pauses:
            row = await driver.row(question.step_key)
            if row is None or row.completed_seq is None:
                # Open where this run was forked from: here it is asked afresh.
                raise await _opened(driver, question)
        if row.completed_seq is None and not await expire(driver, pause.pause_id):
            # A person who wants the run to end need not answer its questions first.
            await driver.refresh()
            await driver.check_boundary(asks=True)
            if pause.pause_id in driver.state.pauses:
                raise paused(driver.state, pause.pause_id)
        return await _answer(driver, question.step_key)
    finally:
        driver.gate.release()


async def until_answered(driver: RunDriver, pause_id: str) -> None:
    """Wait until a pause is answered, or its time is over."""
    while (pause := driver.state.pauses.get(pause_id)) is not None:
        left_us = A_WHILE_US
        if pause.expires_at_us is not None:
            left_us = min(left_us, pause.expires_at_us - driver.clock.now_us())
        if left_us <= 0 or driver.state.cancel is not None:
            return
        await news(driver, left_us)


async def expire(driver: RunDriver, pause_id: str) -> bool:
    """Record that a pause was not answered in time, if its deadline has passed."""
    deadline_us = driver.state.pauses[pause_id].expires_at_us
    now_us = driver.clock.now_us()
    if deadline_us is None or now_us < deadline_us or driver.state.terminal:
        return False

    def expired(state: RunState) -> Sequence[AnyEvent]:
        if pause_id not in state.pauses:
            return ()
        return [PauseExpired(pause_id=pause_id, expired_at_us=now_us)]

    await driver.append(expired, actor=KERNEL)
    return True


def token_hash(token: str) -> str:
    """Return what is recorded of a resume token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


async def _opened(driver: RunDriver, question: PauseQuestion) -> RunPausedError:
    form = answer_form(question.type, question.options, question.answer_schema)
    await driver.fresh(f"pause {question.title!r}")
    # Several may be open at once: what only asks people is stopped by no other question.
    await driver.check_boundary(asks=True)
    token = secrets.token_urlsafe(24) if question.with_token else None
    expires_s = question.expires_after_s
    if expires_s is not None and not 0 < expires_s <= LONGEST_WAIT_S:
        raise InvalidError(
            f"a pause cannot expire after {expires_s!r} s; give a time above zero, or none"
        )
    details = plain(question.details)
    asked = PauseRequested(
        pause_id=new_id(),
        type=question.type,
        step_key=question.step_key,
        expires_at_us=(
            driver.clock.now_us() + int(expires_s * 1_000_000) if expires_s is not None else None
        ),
        token_hash=token_hash(token) if token is not None else None,
        answer_schema=form,
        title=question.title,
        details=details,
        options=question.options,
    )
    crash_point("engine.pause.before")
    await driver.append(lambda _: [asked])
    crash_point("engine.pause.after")
    error = paused(driver.state, asked.pause_id)
    return RunPausedError(str(error), pause_id=asked.pause_id, token=token)


async def _answer(driver: RunDriver, step_key: str) -> PauseAnswer:
    row = await driver.row(step_key)
    assert row is not None, "the step was on record a moment ago"
    assert row.completed_seq is not None, "the pause is answered or expired"
    event = await driver.event(row.completed_seq)
    match event.payload:
        case PauseResolved(decision="rejected" | "rejected_stop") as said:
            text = f"{event.actor} rejected {step_key!r}: {said.reason or 'no reason given'}"
            raise DeniedError(text, seq=event.seq)
        case PauseResolved() as said:
            return PauseAnswer(
                step_key=step_key,
                decision=said.decision,
                value=said.answer,
                actor=event.actor,
                seq=event.seq,
            )
        case _:
            raise DeniedError(f"nobody answered {step_key!r} in time", seq=event.seq)
