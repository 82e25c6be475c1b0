"""A workspace that has spent: its ledger, its crew, its grants, for the screens that show them."""

from datetime import UTC, datetime, timedelta

from quarterdeck.views.books import Bounded, Day, LedgerPage, Sum
from quarterdeck.views.crew import (
    AgentLine,
    Crew,
    GrantOf,
    ModelLine,
    ServerLine,
    ToolLine,
)
from tests.app.frozen import NOW_US, FrozenSource, fleet

_FIRST = datetime(2026, 10, 24, tzinfo=UTC)
AGENTS = (
    Sum("researcher", 2_314_250, 0, 1_243_000, 88_200, 82, 140),
    Sum("payments", 310_000, 1, 96_400, 12_300, 14, 9),
    Sum("surveyor", 1_020_400, 0, 640_000, 41_000, 61, 412),
    Sum("cleaner", 84_210, 0, 31_000, 2_900, 6, 14),
    Sum("海図 reader", 4_100, 0, 2_400, 310, 1, 3),
)
DAYS = tuple(
    Day(f"{_FIRST + timedelta(days=number):%Y-%m-%d}", (number * 7919) % 13 * 21_000)
    for number in range(29)
    if number % 6
)
BUDGETS = (
    Bounded("workspace, today", 1_310_000, 100_000, 20_000_000),
    Bounded("tenant demo, this month", 8_420_000, 0, 10_000_000),
    Bounded("person ada, today", 412, 0, 400, "tool_calls"),
)


def page() -> LedgerPage:
    return LedgerPage(
        grouping="agent", span="all", sums=AGENTS, days=DAYS, budgets=BUDGETS, position=482
    )


def crew() -> Crew:
    return Crew(
        agents=(
            AgentLine(
                name="cleaner", source="quarterdeck.toml", model="offline",
                identity="Tidies up what nobody needs.", tools=("delete", "list_files"),
                budget_micros=1_000_000,
            ),
            AgentLine(
                name="researcher", source="agents.py", model="anthropic/claude-large",
                tier="frontier", identity="Compares sources, and says which it trusts and why.",
                tools=("http_get", "list_files", "read_file", "search_files"),
                sub_agents=("reader",), skills=("citing",), budget_micros=2_500_000,
                deadline_s=600,
            ),
            AgentLine(
                name="scout", source="quarterdeck.toml", model="offline",
                absent="agent 'scout' needs the MCP server 'maps', which is down: no answer",
            ),
        ),
        tools=(
            ToolLine(name="delete", source="agents.py", description="Delete files for good.",
                     effect="once", risk="high", capability="write_files", preview=True),
            ToolLine(name="http_get", source="quarterdeck", description="Get a page.",
                     effect="read", risk="medium", capability="http"),
            ToolLine(name="list_files", source="quarterdeck", description="List a folder.",
                     effect="read", risk="low", capability="read_files"),
            ToolLine(name="pay", source="MCP server bank", description="Pay an invoice.",
                     effect="idempotent", risk="high", capability="mcp:bank", probe=True,
                     secrets=("BANK_PIN",)),
        ),
        models=(
            ModelLine("offline", None, offline=True),
            ModelLine("anthropic/claude-large", "frontier"),
            ModelLine("local/small-1", "small"),
        ),
        servers=(
            ServerLine("bank", True, 1, secrets=("BANK_TOKEN",)),  # noqa: FBT003 - connected
            ServerLine("maps", False, 0, 3, "no answer in 10 s", ("maps__fly: no schema",)),  # noqa: FBT003 - not connected
        ),
        default_model="offline",
        loaded=True,
    )  # fmt: skip


def grants() -> tuple[GrantOf, ...]:
    at = NOW_US - 240_000_000
    return (GrantOf("cleaner", "cleaner", "g-1", "delete", 41, "operator ada", at, "paths: logs/"),)


def spent() -> FrozenSource:
    source = fleet()
    rows = tuple(
        row._replace(budget_micros=150_000) if row.agent == "surveyor" else row
        for row in source.shown.rows
    )
    source.shown = type(source.shown)(
        rows=rows, inbox=source.shown.inbox, position=482, link=source.shown.link, loaded=True
    )
    source.pages = {"agent": page()}
    source.crew_shown, source.grants_shown = crew(), grants()
    return source
