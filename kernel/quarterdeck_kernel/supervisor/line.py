"""The line of runs that wait to be driven: first come first served, tenants by turns."""

from collections import deque

from quarterdeck_kernel.vocabulary.rows import FleetRow


class Line:
    """Runs in line, each once. A tenant that queues a thousand does not keep another waiting."""

    def __init__(self) -> None:
        self._rows: dict[str, FleetRow] = {}
        self._by_tenant: dict[str, deque[str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._rows

    def join(self, row: FleetRow) -> None:
        """Stand at the end; who stands there already keeps their place."""
        if row.run_id not in self._rows:
            self._by_tenant.setdefault(row.tenant, deque()).append(row.run_id)
        self._rows[row.run_id] = row

    def next(self) -> FleetRow:
        """Return who is next, of the tenant whose turn it is, who then is the last."""
        tenant, waiting = next(iter(self._by_tenant.items()))
        del self._by_tenant[tenant]
        run_id = waiting.popleft()
        if waiting:
            self._by_tenant[tenant] = waiting
        return self._rows.pop(run_id)

    def clear(self) -> None:
        """Send everybody away."""
        self._rows.clear()
        self._by_tenant.clear()
