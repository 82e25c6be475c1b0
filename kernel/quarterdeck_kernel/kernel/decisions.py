"""What people decide about runs: from any process, whoever drives them, alive or not.

None of this needs a lease. A decision names what it answers and is taken only while that stands:
the first wins, the second is told who was first.
"""

from pathlib import Path

from pydantic import JsonValue

from quarterdeck_kernel.clock import Clock, SystemClock
from quarterdeck_kernel.engine.journal import Journal
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.kernel.run import Run
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.runs.cancel import cancel
from quarterdeck_kernel.runs.hold import hold, release
from quarterdeck_kernel.runs.resolve import Decision, resolve
from quarterdeck_kernel.runs.restore import restore
from quarterdeck_kernel.runs.signal import signal
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.vocabulary.actor import Actor, operator


class Decisions:
    """The verbs of an operator. `actor` is who decides: by default whoever runs this process."""

    def __init__(self, store: EventStore, *, clock: Clock | None = None) -> None:
        """Decide about the runs of a store."""
        self.store = store
        self._clock = clock or SystemClock()

    async def resume(
        self,
        run: Run | str,
        pause_id: str,
        *,
        decision: Decision = "answered",
        answer: JsonValue = None,
        reason: str | None = None,
        token: str | None = None,
        actor: Actor | None = None,
    ) -> Event:
        """Answer a pause. The run's code finds the answer when it comes by again."""
        return await resolve(
            self.store,
            await self.journal(run),
            pause_id,
            decision=decision,
            answer=answer,
            reason=reason,
            token=token,
            actor=actor or operator(),
        )

    async def cancel(
        self,
        run: Run | str,
        *,
        now: bool = False,
        reason: str | None = None,
        actor: Actor | None = None,
    ) -> RunState:
        """Ask that a run end: at its next boundary, or `now`, breaking off what may be."""
        journal = await self.journal(run)
        return await cancel(journal, now=now, reason=reason, actor=actor or operator())

    async def hold(
        self, run: Run | str, *, reason: str | None = None, actor: Actor | None = None
    ) -> Event:
        """Stop a run at its next boundary, until it is released."""
        return await hold(await self.journal(run), reason=reason, actor=actor or operator())

    async def release(
        self, run: Run | str, *, reason: str | None = None, actor: Actor | None = None
    ) -> Event:
        """Let a run go on that is held."""
        return await release(await self.journal(run), reason=reason, actor=actor or operator())

    async def signal(
        self,
        run: Run | str,
        name: str,
        *,
        data: JsonValue = None,
        key: str | None = None,
        actor: Actor | None = None,
    ) -> int:
        """Send a workflow a signal; the same key twice is one signal. Return its event's number."""
        return await signal(
            self.store,
            await self.journal(run),
            name,
            data=data,
            key=key,
            actor=actor or operator(),
        )

    async def restore(
        self,
        run: Run | str,
        seq: int,
        *,
        files: Root | Path,
        anyway: bool = False,
        actor: Actor | None = None,
    ) -> Event | None:
        """Put back what a file below `files` held before event `seq` changed it.

        Returns None if it holds that already. A file that was changed since is left alone, unless
        it is to be restored `anyway`.
        """
        return await restore(
            self.store,
            await self.journal(run),
            seq,
            files if isinstance(files, Root) else Root(files),
            anyway=anyway,
            actor=actor or operator(),
        )

    async def journal(self, run: Run | str) -> Journal:
        """Return a journal without the lease: what people write needs none."""
        if isinstance(run, Run) and run.driver.horizon is not None:
            raise InvalidError(
                f"run {run.run_id!r} is only replayed here: nothing is decided in a check"
            )
        run_id = run if isinstance(run, str) else run.run_id
        tenant = None if isinstance(run, str) else run.tenant
        return await Journal.load(self.store, run_id, tenant=tenant, clock=self._clock)
