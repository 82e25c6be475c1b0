"""The result of a job that goes on whatever becomes of the one who waits for it."""

import asyncio
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Outcome(Generic[Result]):
    """What a job came to. One task waits for it; a cancelled one learns of it all the same.

    A plain future would be cancelled together with the task that awaits it.
    """

    __slots__ = ("_error", "_result", "_waiter")

    def __init__(self) -> None:
        self._result: tuple[Result] | None = None
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def succeed(self, result: Result) -> None:
        """Set the result."""
        self._result = (result,)
        self._wake()

    @property
    def known(self) -> bool:
        """Tell whether there is a result or an error."""
        return self._result is not None or self._error is not None

    def fail(self, error: BaseException) -> None:
        """Set the error that whoever waits is to see."""
        self._error = error
        self._wake()

    async def wait(self) -> Result:
        """Return the result. Cancelled meanwhile, wait for it nevertheless and then say so."""
        cancelled: asyncio.CancelledError | None = None
        while not self.known:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        if self._error is not None:
            raise self._error
        assert self._result is not None, "an outcome has a result or an error"
        return self._result[0]

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
