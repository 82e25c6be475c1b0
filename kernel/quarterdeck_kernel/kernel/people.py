"""What a run needs people for: questions, and outcomes that nobody knows."""

from collections.abc import Sequence

from pydantic import JsonValue

from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.engine.pauses import PauseAnswer, PauseQuestion, ask, until_answered
from quarterdeck_kernel.engine.reconciling import Reconciled, reconciled, settled_as
from quarterdeck_kernel.engine.run_driver import RunDriver
from quarterdeck_kernel.errors import InvalidError, RunPausedError
from quarterdeck_kernel.kernel.asking import checked_step_key
from quarterdeck_kernel.kernel.course import on_course
from quarterdeck_kernel.kernel.decisions import Decisions
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.kernel.typed_answer import schema_of
from quarterdeck_kernel.runs.reconcile import Verdict
from quarterdeck_kernel.tools.toolbox import ToolBox
from quarterdeck_kernel.vocabulary.actor import Actor
from quarterdeck_kernel.vocabulary.words import PauseType


class People(Decisions):
    """The part of a kernel that turns to people."""

    tools: ToolBox

    def driver_of(self, journal: Journal) -> RunDriver:
        """Return the one driver that a run has here."""
        raise NotImplementedError

    async def pause(  # noqa: PLR0913 - one keyword for each thing that may be asked for
        self,
        *,
        run: Run,
        step_key: str,
        title: str,
        type: PauseType = "input",  # noqa: A002 - the word of the event
        details: JsonValue = None,
        options: Sequence[str] = (),
        answer: type | None = None,
        expires_after_s: float | None = None,
        with_token: bool = False,
        wait: bool = False,
    ) -> PauseAnswer:
        """Ask a person; return the answer, found again by every rerun.

        Until there is one `RunPausedError` is raised, or waited for it with `wait`. A rejection,
        and a pause that expired, are a `DeniedError`. What may be answered follows from the type,
        or from `answer`. With a token, which is told once by that error, who holds it may answer.
        """
        if with_token and wait:
            raise InvalidError(
                "a token is told by the RunPausedError of who asks first, and who waits gets none; "
                "ask with_token first, and wait then"
            )
        question = PauseQuestion(
            step_key=checked_step_key(step_key),
            title=title,
            type=type,
            details=details,
            options=tuple(options),
            answer_schema=schema_of(answer) if answer is not None else None,
            expires_after_s=expires_after_s,
            with_token=with_token,
        )

        async def act(driver: RunDriver) -> PauseAnswer:
            return await driver.perform(lambda stop: ask(driver, question, stop))

        while True:
            try:
                return await on_course(self, run, act)
            except RunPausedError as paused:
                if not wait:
                    raise
                await until_answered(run.driver, paused.pause_id)

    async def reconcile_tool(
        self,
        *,
        run: Run,
        step_key: str,
        verdict: Verdict | None = None,
        result: JsonValue = None,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> Reconciled:
        """Settle a step whose outcome is unknown; return what is known of it now, and from whom.

        `verdict` is a person's: `done` with the result and the evidence as reason, `failed` with
        the reason, or `retry`, which lets the step be tried once more under the same key. Without
        one the tool's probe is asked. A success that is on record is returned as it is.
        """
        driver = run.driver
        known = await driver.perform(
            lambda stop: reconciled(
                driver, self.tools, step_key, ask_probe=verdict is None, stop=stop
            )
        )
        if known.settled or verdict is None:
            return known
        event = await self.reconcile(
            run, known.intent_seq, verdict=verdict, result=result, reason=reason, actor=actor
        )
        return settled_as(event, step_key, replayed=False)
