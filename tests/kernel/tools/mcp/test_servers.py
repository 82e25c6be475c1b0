"""Real MCP servers: what they offer as tools, how they die, and how they come back."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import RetryPolicy
from quarterdeck_kernel.errors import (
    InvalidError,
    PermanentToolError,
    ReconciliationRequiredError,
    ToolArgumentsError,
    ToolFailedError,
    TransientToolError,
)
from quarterdeck_kernel.tools.mcp.server import HttpServer, StdioServer
from quarterdeck_kernel.tools.mcp.source import McpSource, tool_name
from tests.kernel.engine.deck import story
from tests.kernel.tools.builtin.hands import context, until
from tests.kernel.tools.mcp.harbour import (
    deck,
    free_port,
    health_of,
    kill,
    named,
    odd,
    odd_over_http,
)

ONE_TRY = RetryPolicy(tries=1, timeout_s=20)


async def test_hints_become_effect_and_risk_and_the_schema_the_version(tmp_path: Path) -> None:
    async with McpSource([odd(tmp_path)]) as source:
        tools = named(source.tools())
        said = {name: (tool.effect, tool.risk) for name, tool in tools.items()}
        assert {name: said[name] for name in ("odd__look", "odd__put", "odd__pay")} == {
            "odd__look": ("read", "low"),
            "odd__put": ("idempotent", "medium"),
            "odd__pay": ("once", "high"),
        }
        assert {tool.capability for tool in tools.values()} == {"mcp:odd"}
        assert len({tool.version for tool in tools.values()}) > 3
        assert tools["odd__put"].schema.parameters["required"] == ["name", "value"]
        assert all(len(name) <= 64 for name in tools)
        assert tools[tool_name("odd", "odd name! " + "x" * 80)].description.startswith(
            "Have a name"
        )
        (health,) = source.health()
        assert (health.connected, health.tools, health.last_error) == (True, len(tools), None)
    mistrusted = odd(tmp_path, trust_hints=False, effects={"look": "read"})
    async with McpSource([mistrusted]) as source:
        tools = named(source.tools())
        assert {name: tool.effect for name, tool in tools.items()} == {
            name: "read" if name == "odd__look" else "once" for name in tools
        }
        assert tools["odd__put"].risk == "high"


async def test_calls_give_what_the_server_gives(tmp_path: Path) -> None:
    async with McpSource([odd(tmp_path)]) as source:
        tools = named(source.tools())
        assert await tools["odd__put"].call(context(), {"name": "a", "value": 1}) == {
            "name": "a",
            "value": 1,
        }
        flood: Any = await tools["odd__flood"].call(context(), {})
        assert len(str(flood)) < 110_000
        with pytest.raises(PermanentToolError, match="the till is empty"):
            await tools["odd__fail"].call(context(), {})
        oddly = tools[tool_name("odd", "odd name! " + "x" * 80)]
        assert await oddly.call(context(), {}) == {"result": "called"}
        for wrong in ({"name": "a"}, {"name": "a", "value": "b"}, {"name": 1, "value": 1}):
            with pytest.raises(ToolArgumentsError, match="odd__put was not called"):
                tools["odd__put"].parse(wrong)


async def test_two_servers_off_the_shelf(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=ada", "-c", "user.email=ada@example.test"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "Set sail"]):
        await asyncio.to_thread(subprocess.run, [*git, *command], check=True)
    servers = [
        StdioServer(
            name="time",
            command=sys.executable,
            args=("-m", "mcp_server_time", "--local-timezone", "UTC"),
            environment={"PYTHONPATH": _paths()},
        ),
        StdioServer(
            name="git",
            command=sys.executable,
            args=("-m", "mcp_server_git", "--repository", str(tmp_path)),
            environment={"PYTHONPATH": _paths()},
        ),
    ]
    async with McpSource(servers, logs=tmp_path / "logs") as source:
        assert [health.connected for health in source.health()] == [True, True], source.health()
        async with deck(*source.tools()) as kernel:
            run = await kernel.start_run(agent="mate")
            converted = await kernel.step_tool(
                run=run,
                step_key="t",
                tool="time__convert_time",
                arguments={
                    "source_timezone": "UTC",
                    "time": "12:00",
                    "target_timezone": "Asia/Tokyo",
                },
            )
            assert "21:00" in str(converted.value)
            log = await kernel.step_tool(
                run=run,
                step_key="g",
                tool="git__git_log",
                arguments={"repo_path": str(tmp_path), "max_count": 1},
            )
            assert "Set sail" in str(log.value)


def _paths() -> str:
    return ":".join(path for path in sys.path if path)


async def test_a_server_killed_under_a_payment_leaves_it_unknown_and_nothing_hangs(
    tmp_path: Path,
) -> None:
    async with McpSource([odd(tmp_path)]) as source, deck(*source.tools()) as kernel:
        run = await kernel.start_run(agent="purser")
        step = kernel.step_tool(run=run, step_key="p", tool="odd__pay", arguments={"amount": 3})
        task = asyncio.create_task(step)
        await until((tmp_path / "payments").exists)
        kill(tmp_path)
        async with asyncio.timeout(10):
            with pytest.raises(ReconciliationRequiredError):
                await task
        assert await story(kernel, run) == ["intent 1", "unknown_outcome"]
        again = await health_of(source, connected=True)
        assert again.last_error is None
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="p", tool="odd__pay", arguments={"amount": 3})
        assert (tmp_path / "payments").read_text() == "3\n"


async def test_a_server_killed_under_a_look_is_asked_again_when_it_is_back(tmp_path: Path) -> None:
    async with McpSource([odd(tmp_path)]) as source, deck(*source.tools()) as kernel:
        run = await kernel.start_run(agent="mate")
        step = kernel.step_tool(
            run=run, step_key="w", tool="odd__wait", arguments={}, retry=ONE_TRY
        )
        task = asyncio.create_task(step)
        await until((tmp_path / "waits").exists)
        kill(tmp_path)
        async with asyncio.timeout(10):
            with pytest.raises(ToolFailedError, match=r"ended under the call|broke off"):
                await task
        await health_of(source, connected=True)
        seen = await kernel.step_tool(run=run, step_key="l", tool="odd__look", arguments={})
        assert seen.value == {"result": "seen"}


async def test_an_idle_server_that_dies_is_noticed_and_started_again(tmp_path: Path) -> None:
    async with McpSource([odd(tmp_path)]) as source:
        (before,) = source.health()
        pid = (tmp_path / "pid").read_text()
        kill(tmp_path)
        down = await health_of(source, connected=False)
        assert (down.last_error, down.failures) == ("the connection ended", 1)
        with pytest.raises(TransientToolError, match="nothing was called"):
            await named(source.tools())["odd__pay"].call(context(), {"amount": 1})
        up = await health_of(source, connected=True)
        assert (tmp_path / "pid").read_text() != pid
        assert up.tools == before.tools


async def test_what_a_call_takes_too_long_for_is_given_up_and_others_go_on(tmp_path: Path) -> None:
    async with McpSource([odd(tmp_path)]) as source, deck(*source.tools()) as kernel:
        run = await kernel.start_run(agent="mate")
        short = RetryPolicy(tries=1, timeout_s=0.3)
        with pytest.raises(ToolFailedError):
            await kernel.step_tool(
                run=run, step_key="w", tool="odd__wait", arguments={}, retry=short
            )
        seen = await kernel.step_tool(run=run, step_key="l", tool="odd__look", arguments={})
        assert seen.value == {"result": "seen"}
        assert source.health()[0].connected


async def test_calls_of_many_tasks_are_answered_each(tmp_path: Path) -> None:
    async with McpSource([odd(tmp_path)]) as source:
        put = named(source.tools())["odd__put"]
        calls = [put.call(context(), {"name": str(n), "value": n}) for n in range(50)]
        assert await asyncio.gather(*calls) == [{"name": str(n), "value": n} for n in range(50)]


async def test_secrets_are_passed_by_name_and_complaints_go_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_OTHER_KEY", "not-a-real-secret")
    vault = {"till": "not-a-real-token"}
    server = odd(tmp_path, secrets={"ODD_TOKEN": "till"})
    assert "not-a-real-token" not in server.model_dump_json()
    async with McpSource([server], secrets=vault.get, logs=tmp_path / "logs") as source:
        told: Any = await named(source.tools())["odd__environment"].call(context(), {})
        *names, told_by_server = told["result"]
        assert told_by_server == "not-a-real-token"
        assert "SOME_OTHER_KEY" not in names
        assert "a complaint" in (tmp_path / "logs" / "mcp-odd.log").read_text()
    async with McpSource([server], secrets=lambda _name: None) as source:
        (health,) = source.health()
        assert health.last_error == (
            "InvalidError: there is no secret called 'till'; set it, or take it out"
        )


@pytest.mark.parametrize(
    ("command", "args", "said"),
    [
        ("no-such-program-anywhere", (), "there is no program"),
        (sys.executable, ("-c", "raise SystemExit(3)"), ""),
        (sys.executable, ("-c", "print('hello'); import time; time.sleep(60)"), "in time"),
        (sys.executable, ("-c", "import time; time.sleep(60)"), "did not answer in time"),
    ],
)
async def test_a_server_that_does_not_come_up_is_told_and_holds_up_nobody(
    tmp_path: Path, command: str, args: tuple[str, ...], said: str
) -> None:
    bad = StdioServer(name="bad", command=command, args=args, connect_s=1)
    async with asyncio.timeout(30), McpSource([bad, odd(tmp_path)]) as source:
        down, up = source.health()
        assert (down.connected, up.connected) == (False, True)
        assert said in (down.last_error or "")
        assert down.last_error
        assert "odd__look" in named(source.tools())


async def test_a_server_over_http_that_is_killed_under_a_call_and_comes_back(
    tmp_path: Path,
) -> None:
    port = free_port()
    async with odd_over_http(tmp_path, port) as server:
        await until((tmp_path / "pid").exists)
        async with McpSource([server]) as source:
            await health_of(source, connected=True)
            async with deck(*source.tools()) as kernel:
                run = await kernel.start_run(agent="purser")
                step = kernel.step_tool(
                    run=run, step_key="p", tool="odd__pay", arguments={"amount": 3}
                )
                task = asyncio.create_task(step)
                await until((tmp_path / "payments").exists)
                kill(tmp_path)
                async with asyncio.timeout(15):
                    with pytest.raises(ReconciliationRequiredError):
                        await task
                assert await story(kernel, run) == ["intent 1", "unknown_outcome"]
            await health_of(source, connected=False)
            async with odd_over_http(tmp_path, port):
                await health_of(source, connected=True)
                seen = await named(source.tools())["odd__look"].call(context(), {})
                assert seen == {"result": "seen"}


async def test_nobody_at_a_url_is_told_with_the_reason() -> None:
    server = HttpServer(name="away", url=f"http://127.0.0.1:{free_port()}/mcp", connect_s=5)
    async with asyncio.timeout(20), McpSource([server]) as source:
        (health,) = source.health()
        assert not health.connected
        assert health.last_error


def test_two_servers_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="two MCP servers"):
        McpSource([odd(tmp_path), odd(tmp_path)])
