"""MCP servers in settings: what is read, what is wrong with one, and whose word counts."""

from pathlib import Path

import pytest

from quarterdeck_kernel.settings.files import FILE_NAME
from quarterdeck_kernel.settings.loading import load_settings
from quarterdeck_kernel.tools.mcp.server import HttpServer, StdioServer
from tests.kernel.settings.files import problems, read


def test_a_server_is_started_or_asked_as_its_section_says(tmp_path: Path) -> None:
    servers = read(
        tmp_path,
        """
        [mcp.git]
        command = "./serve"
        args = ["--all"]
        environment = { LANG = "C" }
        secrets = { TOKEN = "GIT_TOKEN" }
        effects = { status = "read" }
        trust_hints = false
        call_s = 5
        [mcp.weather]
        url = "https://example.com/mcp"
        headers = { Accept-Language = "en" }
        secrets = { Authorization = "WEATHER_TOKEN" }
        """,
    ).mcp
    folder = str(tmp_path / "workspace")
    assert servers["git"].server("git") == StdioServer(
        name="git",
        command=f"{folder}/serve",
        args=("--all",),
        folder=folder,
        environment={"LANG": "C"},
        secrets={"TOKEN": "GIT_TOKEN"},
        effects={"status": "read"},
        trust_hints=False,
        call_s=5,
    )
    assert servers["weather"].server("weather") == HttpServer(
        name="weather",
        url="https://example.com/mcp",
        headers={"Accept-Language": "en"},
        secrets={"Authorization": "WEATHER_TOKEN"},
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[mcp.x]", "1: mcp.x.command: a server has a `command` or a `url`: write one of them"),
        ("[mcp.x]\ncommand = 'a'\nurl = 'https://b'", "3: mcp.x.url: a server has a `command` or"),
        ("[mcp.x]\nurl = 'b'", "2: mcp.x.url: 'b' is no address; it begins with https://"),
        (
            "[mcp.x]\nurl = 'https://b'\nargs = ['c']",
            "3: mcp.x.args: only a server with a `command`",
        ),
        (
            "[mcp.x]\ncommand = 'a'\nheaders.b = 'c'",
            "3: mcp.x.headers: only a server with a `url` has 'headers'",
        ),
        (
            "[mcp.x]\ncomand = 'a'",
            "2: mcp.x.comand: there is no setting 'comand' here; did you mean 'command'?",
        ),
        ("[mcp.'a b']\ncommand = 'a'", "1: mcp.'a b': 'a b' is no name that can be used here"),
        (
            "[mcp.x]\ncommand = 'a'\neffects.b = 'reed'",
            "3: mcp.x.effects.b: there is no word 'reed' here; did you mean 'read'?",
        ),
        ("[mcp.x]\ncommand = 'a'\ncall_s = 0", "3: mcp.x.call_s: it should be greater than"),
        ("plugins = 'x'", "1: plugins: 'x' is not a list, in [brackets]"),
    ],
)
def test_what_is_wrong_with_a_server_is_told_with_its_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    said = problems(tmp_path, text)
    assert any(f"quarterdeck.toml:{problem}" in line for line in said), said


def test_a_workspace_believes_a_server_no_more_than_its_user_does(tmp_path: Path) -> None:
    user = "[mcp.x]\ncommand = 'a'\ntrust_hints = false\neffects = { pay = 'once' }"
    mine = "[mcp.x]\ncommand = 'b'\neffects = { pay = 'read', look = 'read' }"
    server = read(tmp_path, mine, user).mcp["x"]
    assert (server.command, server.trust_hints) == ("b", False)
    assert server.effects == {"pay": "once", "look": "read"}


def test_plugins_of_both_are_used(tmp_path: Path) -> None:
    assert read(tmp_path, "plugins = ['a', 'b']", "plugins = ['b', 'c']").plugins == ("b", "c", "a")


def test_a_program_beside_the_settings_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE_NAME).write_text("[mcp.x]\ncommand = './serve'", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    server = load_settings(Path(), user=tmp_path / "nobody").settings.mcp["x"].server("x")
    assert isinstance(server, StdioServer)
    assert (server.command, server.folder) == (str(tmp_path / "serve"), str(tmp_path))
