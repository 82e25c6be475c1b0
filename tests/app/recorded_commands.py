"""Commands that only write down what they were asked for."""

from collections.abc import Sequence

from quarterdeck.views.commands import GrantLine, ToolScope
from quarterdeck.views.new_run import Order, Started


class RecordedCommands:
    """Implements `views.commands.RunCommands`: writes down what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.standing: list[GrantLine] = []
        self.refuse: Exception | None = None

    def _ask(self, *what: object) -> int:
        if self.refuse is not None:
            raise self.refuse
        self.asked.append(what)
        return 99

    async def start_run(self, order: Order) -> Started:
        self._ask("start_run", order)
        return Started("run-1", driven=True)

    async def hold(self, run_id: str, reason: str | None) -> int:
        return self._ask("hold", run_id, reason)

    async def release(self, run_id: str) -> int:
        return self._ask("release", run_id)

    async def say(self, run_id: str, text: str) -> int:
        return self._ask("say", run_id, text)

    async def budget(self, run_id: str, limit_micros: int | None, revision: int | None) -> int:
        return self._ask("budget", run_id, limit_micros, revision)

    async def model(self, run_id: str, model: str, revision: int | None) -> int:
        return self._ask("model", run_id, model, revision)

    async def scope(
        self, run_id: str, scope: ToolScope, tools: Sequence[str], revision: int | None
    ) -> int:
        return self._ask("scope", run_id, scope, tuple(tools), revision)

    async def acknowledge(self, run_id: str, note: str | None) -> int:
        return self._ask("acknowledge", run_id, note)

    async def cancel(self, run_id: str, *, now: bool, reason: str | None) -> int:
        return self._ask("cancel", run_id, now, reason)

    async def grants(self, run_id: str) -> list[GrantLine]:
        self._ask("grants", run_id)
        return self.standing

    async def revoke(self, run_id: str, grant_id: str) -> int:
        return self._ask("revoke", run_id, grant_id)
