"""One call of a function that is not ours, from its start to its true end.

Whoever waits for it may stop waiting at any time: the call goes on, or is asked to stop, and how
it ended is still learnt. Nothing a function raises reaches the event loop: an exit, an interrupt
or a cancellation from within is a failure of that call and of nothing else.
"""

import asyncio
import inspect
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial

from quarterdeck_kernel.errors import ToolAbortedError
from quarterdeck_kernel.tools.own_threads import TOOL_CALLS
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.printed import Printout, current_printout


class Call:
    """A call that has been started.

    `future` holds how it truly ends, however late: what the function returned, or what it raised.
    A cancellation from within, SystemExit and their like are a `ToolAbortedError` there. It is
    never cancelled by the call. Await it shielded, or use `result`.
    """

    def __init__(self, name: str) -> None:
        """Prepare a call in the running loop; `start` begins it."""
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._printout = Printout()
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._pending: object = None
        self.future: asyncio.Future[object] = self._loop.create_future()
        # A failure that nobody waits for any more is no reason for a warning.
        self.future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    @property
    def printed(self) -> str:
        """What the function has printed so far."""
        return self._printout.text

    @property
    def cancelled(self) -> bool:
        """Whether the call was asked to stop."""
        return self._cancelled

    def start(self, work: Callable[[], object], *, threaded: bool) -> None:
        """Run `work`, in a thread of its own if `threaded`; what it returns is awaited if need be.

        Raises `ToolNotStartedError` when there is no thread for it: then nothing has happened.
        """
        context = copy_context()
        context.run(current_printout.set, self._printout)
        if threaded:
            TOOL_CALLS.start(partial(self._in_thread, work, context), self._name)
        else:
            self._begin(work, context)

    def cancel(self) -> None:
        """Ask it to stop. A coroutine is cancelled; a thread cannot be stopped and goes on."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    async def result(self) -> object:
        """Wait for the end. Whoever is cancelled while waiting leaves the call running."""
        return await asyncio.shield(self.future)

    def _begin(self, work: Callable[[], object], context: Context) -> None:
        self._task = self._loop.create_task(
            self._awaited(work), name=f"{self._name} (call)", context=context
        )
        self._task.add_done_callback(self._never_begun)

    async def _awaited(self, work: Callable[[], object]) -> None:
        self._pending = None
        try:
            value = work()
            if inspect.isawaitable(value):
                value = await value
        except GeneratorExit:  # the loop is gone, and nobody is left to be told
            raise
        except asyncio.CancelledError as error:
            self._fail(error)
            raise
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the call
            self._fail(error)
        else:
            self._succeed(value)

    def _never_begun(self, _task: asyncio.Task[None]) -> None:
        if self.future.done():
            return
        if self._pending is None:
            message = f"{self._name} was cancelled before it began; nothing has happened"
        else:
            message = f"{self._name} was cancelled between its thread and its coroutine"
            if inspect.iscoroutine(self._pending):
                self._pending.close()
        self.future.set_exception(ToolAbortedError(message))

    def _in_thread(self, work: Callable[[], object], context: Context) -> Callable[[], None]:
        """Do the work, and return what tells the loop of it."""
        try:
            value = context.run(work)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the call
            return partial(self._tell, self._fail, error)
        return partial(self._tell, self._returned, value, context)

    def _tell(self, ended: Callable[..., None], *what: object) -> None:
        try:
            self._loop.call_soon_threadsafe(ended, *what)
        except RuntimeError:
            # The loop was closed meanwhile. The intent stands in the log without an outcome: the
            # next one to drive the run finds it.
            return

    def _returned(self, value: object, context: Context) -> None:
        """Take what a thread brought; something to be awaited is awaited here, in the loop."""
        if not inspect.isawaitable(value):
            self._succeed(value)
            return
        self._pending = value
        self._begin(lambda: value, context)
        if self._cancelled:
            self.cancel()

    def _succeed(self, value: object) -> None:
        if not self.future.done():
            self.future.set_result(value)

    def _fail(self, error: BaseException) -> None:
        if self.future.done():
            return
        failure = self._failure(error)
        if failure is not error:
            failure.__cause__ = error
        self.future.set_exception(failure)

    def _failure(self, error: BaseException) -> Exception:
        if isinstance(error, StopIteration):
            # A future cannot hold it; Python makes the same of one that leaves a coroutine.
            return RuntimeError(f"{self._name} raised {shown(error)}")
        if isinstance(error, Exception):
            return error
        if isinstance(error, asyncio.CancelledError):
            what = "was asked to stop, and did" if self._cancelled else "was cancelled from within"
        else:
            what = f"raised {shown(error)}, which would have ended the program"
        return ToolAbortedError(f"{self._name} {what}; how far it got is not known")
