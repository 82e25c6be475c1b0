"""Agents and tools as they are shown: a list under headings, and what one of them is in full."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from quarterdeck.views.crew import AgentLine, Crew, GrantOf, ModelLine, ServerLine, ToolLine
from quarterdeck.views.moment import StateRow, StateTone
from quarterdeck.views.plain import fitted, held_back, plain
from quarterdeck.views.quantities import age, duration, money

Kind = Literal["agent", "tool", "model", "server", "grant"]
Look = Literal["row", "heading", "note", "absent"]

_NAME_CELLS: Final = 24
_EFFECTS: Final = {
    "read": "reads: safe to repeat",
    "idempotent": "idempotent: safe to repeat under the same key",
    "once": "once: after an interrupted call nobody knows, and a person settles it",
}


class Key(NamedTuple):
    """What a row is of: the cursor follows it, wherever it stands."""

    kind: Kind
    name: str


class CrewRow(NamedTuple):
    """A row of the list; without a key it is a heading, or says that there is nothing."""

    key: Key | None
    left: str
    right: str = ""
    look: Look = "row"


def crew_rows(crew: Crew, grants: Sequence[GrantOf] | None) -> list[CrewRow]:
    """Return the list."""
    if not crew.loaded:
        why = f"cannot be read: {plain(crew.trouble)}" if crew.trouble else "reading…"
        return [_heading("AGENTS AND TOOLS"), CrewRow(None, f"   {why}", look="note")]
    known = [(grant.run_id, grant) for grant in grants or ()]
    return [
        *_section("AGENTS", [_agent(agent, crew) for agent in crew.agents], "none"),
        *_section("TOOLS", [_tool(tool) for tool in crew.tools], "none"),
        *_section("MODELS", [_model(model, crew) for model in crew.models], "none"),
        *_section(
            "MCP SERVERS",
            [_server(server) for server in crew.servers],
            "none; [mcp.NAME] in quarterdeck.toml adds one",
        ),
        *_section(
            "GRANTS",
            [_grant(grant) for _, grant in known],
            "reading…" if grants is None else "none: nothing goes unasked that asks",
        ),
    ][1:]


def _section(title: str, rows: list[CrewRow], none: str) -> Iterator[CrewRow]:
    yield _heading("")
    yield _heading(f"{title} {len(rows)}" if rows else title)
    yield from rows or [CrewRow(None, f"   {none}", look="note")]


def _heading(title: str) -> CrewRow:
    return CrewRow(None, f" {title}", look="heading")


def _row(kind: Kind, name: str, middle: str, right: str, look: Look = "row") -> CrewRow:
    left = f"{fitted(plain(name), _NAME_CELLS)} {middle}"
    return CrewRow(Key(kind, name), left, right, look)


def _agent(agent: AgentLine, crew: Crew) -> CrewRow:
    model = agent.model or crew.default_model
    asks = plain(model) if model is not None else "no model"
    missing = crew.missing_key(model) if model is not None else None
    if agent.absent is not None:
        return _row("agent", agent.name, "cannot be used", "", "absent")
    budget = f" · {money(agent.budget_micros)}" if agent.budget_micros is not None else ""
    tools = f"{len(agent.tools)} tool{'' if len(agent.tools) == 1 else 's'}"
    warn = " · no key" if missing else ""
    return _row("agent", agent.name, f"{asks}{warn}", f"{tools}{budget}")


def _tool(tool: ToolLine) -> CrewRow:
    needs = plain(tool.capability or "")
    return _row("tool", tool.name, f"{tool.effect:<10} {needs}".rstrip(), f"{tool.risk} risk")


def _model(model: ModelLine, crew: Crew) -> CrewRow:
    return _row("model", model.name, _key_word(model.name, crew), model.tier or "")


def _key_word(name: str, crew: Crew) -> str:
    known, key = crew.model(name), crew.key(name)
    if known is not None and known.offline:
        return "offline, no key"
    if key is None:
        return "no key known of"
    return f"{key} {'set' if key in crew.keys else 'not set'}"


def _server(server: ServerLine) -> CrewRow:
    how = "connected" if server.connected else f"down, {server.failures} failures"
    tools = f"{server.tools} tool{'' if server.tools == 1 else 's'}"
    return _row("server", server.name, how, tools, "row" if server.connected else "absent")


def _grant(grant: GrantOf) -> CrewRow:
    key = Key("grant", f"{grant.run_id} {grant.grant_id}")
    left = f"{fitted(plain(grant.tool), _NAME_CELLS)} in {plain(grant.run_id)}"
    return CrewRow(key, left, f"#{grant.seq:,}")


def status(crew: Crew, grants: Sequence[GrantOf] | None) -> tuple[str, str]:
    """Return both ends of the line below the header; what is wrong stands first."""
    if crew.trouble is not None:
        return "no run is driven here: the settings cannot be used", ""
    if not crew.loaded:
        return "reading the settings…", ""
    down = [server.name for server in crew.servers if not server.connected]
    wrong = f"MCP server down: {', '.join(map(plain, down))}" if down else ""
    counts = {"agent": len(crew.agents), "tool": len(crew.tools), "grant": len(grants or ())}
    said = (f"{number} {word}{'' if number == 1 else 's'}" for word, number in counts.items())
    return wrong or "what agents are made of, and what they may do", " · ".join(said)


def find_grant(grants: Sequence[GrantOf] | None, key: Key | None) -> GrantOf | None:
    """Return the grant that a row is of."""
    if key is None or key.kind != "grant":
        return None
    return next((g for g in grants or () if f"{g.run_id} {g.grant_id}" == key.name), None)


# -- one of them in full


def details(
    key: Key | None, crew: Crew, grants: Sequence[GrantOf] | None, now_us: int
) -> list[StateRow]:
    """Return what there is to say of a row."""
    if key is None:
        return []
    rows = _told(key, crew, grants, now_us)
    return [StateRow(plain(key.name if key.kind != "grant" else "grant"), "", "title"), *rows]


def _told(
    key: Key, crew: Crew, grants: Sequence[GrantOf] | None, now_us: int
) -> Iterator[StateRow]:
    match key.kind:
        case "agent":
            agent = crew.agent(key.name)
            return _of_agent(agent, crew) if agent is not None else iter(())
        case "tool":
            tool = next((tool for tool in crew.tools if tool.name == key.name), None)
            return _of_tool(tool, crew) if tool is not None else iter(())
        case "model":
            return _of_model(key.name, crew)
        case "server":
            server = next((each for each in crew.servers if each.name == key.name), None)
            return _of_server(server) if server is not None else iter(())
        case "grant":
            grant = find_grant(grants, key)
            return _of_grant(grant, now_us) if grant is not None else iter(())


def _of_agent(agent: AgentLine, crew: Crew) -> Iterator[StateRow]:
    if agent.absent is not None:
        yield StateRow("out", plain(agent.absent), "trouble")
    if agent.identity:
        yield StateRow("who", held_back(agent.identity), "quiet")
    yield StateRow("source", plain(agent.source))
    model = agent.model or crew.default_model
    whose = "" if agent.model is not None else ", the default"
    tier = f", tier {plain(agent.tier)}" if agent.tier is not None else ""
    asks = f"{plain(model)}{whose}{tier}" if model is not None else "none is named"
    yield StateRow("model", asks, "plain" if model is not None else "need")
    if model is not None:
        yield _key_row(model, crew)
    yield StateRow("tools", _listed(agent.tools))
    if agent.skills:
        yield StateRow("skills", _listed(agent.skills))
    if agent.sub_agents:
        yield StateRow("sub-agents", _listed(agent.sub_agents))
    bound = f"{money(agent.budget_micros)} dollars a run" if agent.budget_micros else "none"
    yield StateRow("budget", bound)
    if agent.deadline_s is not None:
        yield StateRow("deadline", f"{duration(int(agent.deadline_s * 1_000_000))} from its start")
    yield StateRow("", "n starts a run of it", "quiet")


def _of_tool(tool: ToolLine, crew: Crew) -> Iterator[StateRow]:
    yield StateRow("does", held_back(tool.description.partition("\n")[0]), "quiet")
    yield StateRow("source", plain(tool.source))
    yield StateRow("effect", _EFFECTS[tool.effect], "need" if tool.effect == "once" else "plain")
    tones: dict[str, StateTone] = {"high": "trouble", "medium": "need"}
    yield StateRow("risk", tool.risk, tones.get(tool.risk, "plain"))
    yield StateRow("capability", plain(tool.capability or "none is needed"))
    yield StateRow("secrets", _listed(tool.secrets), "need" if tool.secrets else "plain")
    yield StateRow("probe", "tells what became of a call" if tool.probe else "none")
    yield StateRow("preview", "shows what it would do" if tool.preview else "none")
    yield StateRow("used by", _listed(crew.users(tool.name)))


def _of_model(name: str, crew: Crew) -> Iterator[StateRow]:
    known = crew.model(name)
    if known is not None and known.tier is not None:
        yield StateRow("tier", known.tier)
    yield _key_row(name, crew)
    users = [a.name for a in crew.agents if (a.model or crew.default_model) == name]
    yield StateRow("asked by", _listed(users))
    if name == crew.default_model:
        yield StateRow("default", "for agents that name none")


def _key_row(model: str, crew: Crew) -> StateRow:
    tone: StateTone = "need" if crew.missing_key(model) else "quiet"
    return StateRow("key", _key_word(model, crew), tone)


def _of_server(server: ServerLine) -> Iterator[StateRow]:
    yield StateRow("health", "connected" if server.connected else "down",
                   "good" if server.connected else "trouble")  # fmt: skip
    yield StateRow("tools", f"{server.tools:,}")
    yield StateRow("secrets", _listed(server.secrets), "need" if server.secrets else "plain")
    if server.failures:
        yield StateRow("failures", f"{server.failures:,} in a row")
    if server.last_error is not None:
        yield StateRow("last error", held_back(server.last_error), "trouble")
    for left_out in server.left_out:
        yield StateRow("left out", held_back(left_out), "quiet")


def _of_grant(grant: GrantOf, now_us: int) -> Iterator[StateRow]:
    yield StateRow("tool", plain(grant.tool))
    yield StateRow("run", f"{plain(grant.run_id)}, agent {plain(grant.agent)}")
    yield StateRow("given", f"#{grant.seq:,}, {age(grant.at_us, now_us)} ago, by {plain(grant.by)}")
    yield StateRow("bounds", held_back(grant.bounds), "need")
    yield StateRow("", "r takes it back: people are asked again", "quiet")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(plain, names)) or "none"
