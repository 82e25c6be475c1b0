"""Calls the roll: who works in a workspace and with what, and which grants stand in its runs."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from quarterdeck.views.crew import AgentLine, Crew, GrantOf, ModelLine, ServerLine, ToolLine
from quarterdeck.views.glimpse import Glimpse
from quarterdeck.views.model_keys import present
from quarterdeck_kernel.errors import RunNotFoundError

if TYPE_CHECKING:
    from quarterdeck_kernel import AgentSpec, EventStore, Tool
    from quarterdeck_kernel.kernel.equipped import Equipment, Equipped
    from quarterdeck_kernel.tools.mcp.health import Health


def crew_of(kernel: "Equipped") -> Crew:
    """Return all that a kernel has."""
    equipment, default = kernel.equipment, kernel.default_model
    roster, settings = equipment.roster, equipment.settings
    agents = {name: kernel.on_tiers(spec) for name, spec in sorted(roster.agents.items())}
    return Crew(
        agents=tuple(
            _agent(spec, roster.agent_sources[name], roster.left_out.get(name))
            for name, spec in agents.items()
        ),
        tools=tuple(
            _tool(tool, roster.tool_sources[name]) for name, tool in sorted(roster.tools.items())
        ),
        models=_models(equipment, [default, *(spec.model for spec in agents.values())]),
        servers=servers_of(equipment),
        tenants=tuple(sorted(settings.tenants)),
        default_model=default or None,
        keys=frozenset(present(os.environ)),
        loaded=True,
    )


def _models(equipment: "Equipment", named: Iterable[str | None]) -> tuple[ModelLine, ...]:
    """Return the models that settings describe, those that agents name, and those offline."""
    models = equipment.settings.models
    offline = equipment.offline_models
    known = {name: ModelLine(name, said.tier, name in offline) for name, said in models.items()}
    for name in (*named, *offline):
        if name:
            known.setdefault(name, ModelLine(name, None, name in offline))
    return tuple(sorted(known.values(), key=lambda model: (not model.offline, model.name)))


def servers_of(equipment: "Equipment") -> tuple[ServerLine, ...]:
    """Return how the MCP servers fare now."""
    described = equipment.settings.mcp
    return tuple(
        _server(health, described[health.server].secrets if health.server in described else {})
        for health in equipment.health()
    )


def _server(health: "Health", secrets: Mapping[str, str]) -> ServerLine:
    return ServerLine(
        health.server,
        health.connected,
        health.tools,
        health.failures,
        health.last_error,
        health.left_out,
        tuple(sorted(secrets.values())),
    )


def _agent(spec: "AgentSpec", source: str, absent: str | None) -> AgentLine:
    return AgentLine(
        name=spec.name,
        source=source,
        absent=absent,
        identity=spec.identity,
        model=spec.model,
        tier=spec.tier,
        tools=spec.tools,
        skills=spec.skills,
        sub_agents=tuple(child.name for child in spec.sub_agents),
        budget_micros=spec.budget_micros,
        deadline_s=spec.deadline_s,
    )


def _tool(tool: "Tool", source: str) -> ToolLine:
    return ToolLine(
        name=tool.name,
        source=source,
        description=tool.description,
        effect=tool.effect,
        risk=tool.risk,
        capability=tool.capability,
        probe=tool.has_probe,
        preview=tool.has_preview,
        secrets=tuple(sorted(tool.secrets)),
    )


class Grants:
    """Remembers which grants stand in the runs that are not over, and reads what has changed."""

    def __init__(self) -> None:
        """Know none."""
        self._heads: dict[str, int] = {}
        self._known: dict[str, tuple[GrantOf, ...]] = {}
        self._wish: Glimpse | None = None
        self._wished = asyncio.Event()
        self._read = False

    def standing(self, glimpse: Glimpse) -> tuple[GrantOf, ...] | None:
        """Return the grants of the fleet's open runs; None: they are being read."""
        rows = _open(glimpse)
        if any(self._heads.get(run_id) != head for run_id, head in rows) or not self._read:
            self._wish = glimpse
            self._wished.set()
        if not self._read:
            return None
        return tuple(grant for run_id, _ in rows for grant in self._known.get(run_id, ()))

    async def read_next(self, store: "EventStore") -> None:
        """Wait for a wish, and read the runs in which anything has happened."""
        await self._wished.wait()
        self._wished.clear()
        wish, self._wish = self._wish, None
        if wish is None:
            return
        rows = _open(wish)
        for run_id, head in rows:
            if self._heads.get(run_id) != head:
                self._known[run_id] = await _grants(store, run_id)
                self._heads[run_id] = head
        over = self._heads.keys() - {run_id for run_id, _ in rows}
        for run_id in over:
            del self._heads[run_id], self._known[run_id]
        self._read = True


def _open(glimpse: Glimpse) -> Sequence[tuple[str, int]]:
    return [
        (row.run_id, row.head_seq)
        for row in glimpse.rows
        if row.status in {"queued", "running"} and row.head_seq
    ]


async def _grants(store: "EventStore", run_id: str) -> tuple[GrantOf, ...]:
    from quarterdeck.views.inspection import gist_of
    from quarterdeck_kernel.engine.grants import standing
    from quarterdeck_kernel.engine.log_reader import state_at

    try:
        state = await state_at(store, run_id)
    except RunNotFoundError:
        return ()
    if not state.conditions.grants:
        return ()
    return tuple(
        GrantOf(
            run_id,
            state.identity.agent,
            grant.grant_id,
            grant.tool,
            grant.seq,
            str(grant.actor),
            grant.at_us,
            gist_of(grant.constraints) if grant.constraints is not None else "erased",
        )
        for grant in await standing(store, state)
    )
