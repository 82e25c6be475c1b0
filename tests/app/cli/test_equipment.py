"""What a workspace has, as every command sees it: agents, tools, servers, plugins, a store."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from quarterdeck.cli import main
from quarterdeck.cli.past_fields import TurnFields
from quarterdeck_kernel.kernel.equipped import Equipped
from quarterdeck_kernel.tools.mcp import connection
from tests.app.cli.desk import Desk
from tests.app.cli.test_fields import unfit

ODD = Path(__file__).parents[2] / "kernel/tools/mcp/odd_server.py"

DECK = """
from quarterdeck_kernel import AgentSpec, tool_of

async def ring() -> str:
    return "rung"

bell = tool_of(ring, name="ring", description="Rings.", version="1")
bosun = AgentSpec(name="bosun", tools=("ring",))
"""


@pytest.fixture
def bare(tmp_path: Path) -> Desk:
    (tmp_path / "bare").mkdir(mode=0o700)
    return Desk(tmp_path / "bare")


def settings(desk: Desk, text: str) -> None:
    (desk.workspace / "quarterdeck.toml").write_text(text, encoding="utf-8")


def plugin(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str, value: str = ""
) -> None:
    """Install a package that offers a plugin, as pip would."""
    site = folder / f"site-{name}"
    told = site / f"{name}_deck-1.2.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-deck\nVersion: 1.2\n")
    point = f"[quarterdeck.plugins]\n{name} = {name}_deck{value}\n"
    (told / "entry_points.txt").write_text(point)
    (site / f"{name}_deck.py").write_text(source)
    monkeypatch.syspath_prepend(str(site))


# -- secrets that tools may be sent


LENT = """
modules = ["deck.py"]
model = "m"
[models.m]
script = "m.json"
[tools.ring]
secrets = ["BELL"]
[agents.bosun]
tools = ["ring"]
"""
RING = """
from pathlib import Path
from quarterdeck_kernel import tool_of

def ring(key: str) -> str:
    Path(__file__).with_name("rung.txt").write_text(key)
    return key

bell = tool_of(ring, name="ring", description="Rings.", effect="read")
"""


def with_bell(bare: Desk) -> None:
    settings(bare, LENT)
    (bare.workspace / "deck.py").write_text(RING, encoding="utf-8")
    call = {"tool": "ring", "arguments": {"key": "{{secret:BELL}}"}}
    rules = [
        {"answer": {"calls": [call]}},
        {"answer": {"calls": [{"tool": "finish", "arguments": {"answer": "rung"}}]}},
    ]
    script = json.dumps({"rules": rules})
    (bare.workspace / "m.json").write_text(script, encoding="utf-8")


def test_settings_say_which_secrets_a_tool_may_be_sent(
    bare: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_bell(bare)
    listed = bare.says("tools")
    assert "ring may be sent the secrets BELL" in listed
    assert "'BELL' is not set here; give it as QUARTERDECK_SECRET_BELL" in listed
    monkeypatch.setenv("QUARTERDECK_SECRET_BELL", "no-real-secret")
    assert "not set" not in bare.says("tools")
    told = {tool["name"]: tool["secrets"] for tool in bare.json("tools")["tools"]}
    assert (told["ring"], told["http_send"]) == (["BELL"], [])

    done = bare.does("run", "bosun", "ring it", "--json")
    run = json.loads(done.stdout)
    assert (done.exit_code, run["answer"]) == (0, "rung")
    assert (bare.workspace / "rung.txt").read_text() == "no-real-secret"
    log = bare.says("events", run["run_id"], "--json")
    assert "{{secret:BELL}}" in log
    assert "no-real-secret" not in log

    first, last = bare.lines("events", run["run_id"], "--turns")
    assert unfit([first, last], list[TurnFields], "") == []
    assert (first["models"], first["tools"][0]["outcome"], last["turn"]) == (["m"], "success", 2)
    assert "whole runs" in bare.refused(2, "events", run["run_id"], "--turns", "--from", "3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tools.http_sen]", "1: tools.http_sen: there is no tool 'http_sen'; did you mean"),
        ("[tools.shell]\nsecret = ['A']", "2: tools.shell.secret: there is no setting 'secret'"),
        ("[tools.shell]\nsecrets = ['a b']", "2: tools.shell.secrets[0]: 'a b' is no name"),
    ],
)
def test_a_section_of_a_tool_that_nobody_has_is_refused(bare: Desk, text: str, said: str) -> None:
    settings(bare, text)
    assert f"quarterdeck.toml:{said}" in bare.refused(2, "config", "check")


# -- MCP servers


def with_server(desk: Desk, more: str = "", command: str = sys.executable) -> None:
    settings(
        desk,
        f"""
        [mcp.odd]
        command = "{command}"
        args = ["{ODD}", "."]
        {more}
        [agents.purser]
        tools = ["odd__look", "read_file"]
        [agents.reader]
        tools = ["read_file"]
        """,
    )


def test_the_tools_of_a_server_are_listed_and_agents_may_name_them(bare: Desk) -> None:
    more = "[tools.odd__look]\nsecrets = ['KEY']\n[tools.odd__gone]"
    with_server(bare, f"effects = {{ look = 'idempotent' }}\n{more}")
    listed = bare.json("tools")
    tools = {tool["name"]: tool for tool in listed["tools"]}
    assert tools["odd__look"]["source"] == "MCP server odd"
    assert tools["odd__look"]["effect"] == "idempotent"
    assert tools["read_file"]["source"] == "quarterdeck"
    assert (tools["odd__look"]["secrets"], tools["read_file"]["secrets"]) == (["KEY"], [])
    gone, unset = listed["troubles"]
    assert gone == "tools.odd__gone: the MCP server 'odd' has none such; did you mean 'odd__look'?"
    assert unset == "the secret 'KEY' is not set here; give it as QUARTERDECK_SECRET_KEY"
    assert listed["servers"][0]["connected"]
    assert not (bare.workspace / "files").exists(), "who only looks makes nothing"

    async def crew() -> set[str]:
        async with await Equipped.of(bare.workspace) as kernel:
            return {*kernel.crew}

    assert asyncio.run(crew()) == {"purser", "reader"}


def test_a_server_that_is_down_costs_its_agents_alone_and_is_told_of(bare: Desk) -> None:
    with_server(bare, command="no-such-server")
    (trouble,) = bare.json("tools")["troubles"]
    assert trouble.startswith("MCP server 'odd' is down: there is no program 'no-such-server'")
    agents = {agent["name"]: agent["trouble"] for agent in bare.json("agents")["agents"]}
    assert agents["reader"] is None
    assert "needs the MCP server 'odd', which is down" in agents["purser"]
    assert "needs the MCP server 'odd'" in bare.says("agents")
    assert "needs the MCP server" in bare.refused(3, "run", "purser", "look", "--model", "x")
    assert bare.says("run", "reader", "look", "--model", "x", "--detach")
    done = bare.does("doctor")
    assert done.exit_code == 1
    assert "BAD   mcp" in done.stdout


def test_without_the_extra_one_sentence_says_how_to_install_it(
    bare: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_server(bare)
    for name in ("mcp", "mcp.client", "mcp.types"):
        monkeypatch.setitem(sys.modules, name, None)
    (trouble,) = bare.json("tools")["troubles"]
    assert trouble.endswith("MCP is not installed; run `pip install 'quarterdeck[mcp]'`")


def test_the_reason_without_the_extra_is_that_of_the_import() -> None:
    assert "other" in connection._reason(ModuleNotFoundError("No module 'other'", name="other"))


def test_an_agent_that_names_what_a_server_has_not_is_told_the_nearest(bare: Desk) -> None:
    with_server(bare)
    text = (bare.workspace / "quarterdeck.toml").read_text().replace("odd__look", "odd__loook")
    settings(bare, text)
    (trouble,) = [agent["trouble"] for agent in bare.json("agents")["agents"] if agent["trouble"]]
    assert "has none such; did you mean 'odd__look'?" in trouble


# -- plugins


def test_a_plugin_brings_its_agents_and_tools_once_it_is_enabled(
    bare: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plugin(tmp_path, monkeypatch, "harbour", DECK)
    assert "harbour_deck" not in sys.modules
    assert 'plugins = ["harbour"]' in bare.says("doctor")
    assert "harbour_deck" not in sys.modules, "nobody has asked for it"
    settings(bare, 'plugins = ["harbour"]\n[agents.mate]\ntools = ["ring"]')
    agents = {agent["name"]: agent["source"] for agent in bare.json("agents")["agents"]}
    assert agents == {"bosun": "plugin harbour", "mate": "quarterdeck.toml"}
    assert "harbour 1.2 of harbour-deck" in bare.says("doctor")


@pytest.mark.parametrize(
    ("name", "source", "value", "says"),
    [
        ("leaky", "raise ValueError('no\\nsea')", "", "its import raised ValueError: no sea"),
        ("empty", "deck = None", ":deck", "its import raised TypeError"),
        ("gone", "", ":deck", "its import raised AttributeError"),
    ],
)
def test_a_plugin_that_raises_is_named_and_the_rest_works(
    bare: Desk,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    source: str,
    value: str,
    says: str,
) -> None:
    plugin(tmp_path, monkeypatch, name, source, value)
    settings(
        bare,
        f"plugins = ['{name}', 'nobodys']\n[agents.mate]\ntools = ['ring']\n[agents.cook]\n",
    )
    raised, missing = bare.json("tools")["troubles"]
    assert says in raised
    assert f"update or remove {name}-deck, or take it out of `plugins`" in raised
    assert "plugin 'nobodys' is not installed" in missing
    agents = {agent["name"]: agent["trouble"] for agent in bare.json("agents")["agents"]}
    assert agents["cook"] is None
    assert says in agents["mate"]
    assert bare.does("doctor").stdout.count("BAD   plugin") == 2
    assert bare.says("run", "cook", "soup", "--model", "x", "--detach")


def test_a_plugin_does_not_take_the_name_of_another_tool(
    bare: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plugin(tmp_path, monkeypatch, "thief", DECK.replace('"ring"', '"read_file"'))
    settings(bare, "plugins = ['thief']")
    listed = bare.json("tools")
    assert "tool 'read_file' is there already" in listed["troubles"][0]
    (source,) = {tool["source"] for tool in listed["tools"] if tool["name"] == "read_file"}
    assert source == "quarterdeck"


# -- what is configured


def test_configured_agents_and_tools_are_listed_with_their_source(bare: Desk) -> None:
    (bare.workspace / "deck.py").write_text(DECK)
    settings(bare, "modules = ['./deck.py']\n[agents.mate]\nmodel = 'acme/big'\n")
    agents = {agent["name"]: agent for agent in bare.json("agents")["agents"]}
    assert (agents["bosun"]["source"], agents["bosun"]["tools"]) == ("deck.py", ["ring"])
    assert (agents["mate"]["source"], agents["mate"]["model"]) == ("quarterdeck.toml", "acme/big")
    assert "deck.py" in bare.says("tools")
    assert not (bare.workspace / "quarterdeck.db").exists()


def test_a_fresh_folder_has_an_agent_to_begin_with_and_says_what_to_write(bare: Desk) -> None:
    said = bare.says("agents")
    assert "starter" in said
    assert "[agents.NAME]" in said


# -- the store


@pytest.mark.parametrize("form", ["sqlite://{}/quarterdeck.db", "{}/quarterdeck.db", "sqlite:{}"])
def test_a_store_is_named_by_its_address_or_its_path(desk: Desk, form: str) -> None:
    done = CliRunner().invoke(main, ["--store", form.format(desk.workspace), "show", "asks"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "pay the cooper" in done.stdout


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("postgresql://bosun:not-a-secret@deck/log", "no store for postgresql:// addresses yet"),
        ("sqlite://host/log", "write the store as sqlite:///FOLDER/quarterdeck.db"),
        ("sqlite:", "write the store as"),
        ("other.db", "the log of a workspace is called quarterdeck.db, not 'other.db'"),
        ("elsewhere", "name one of them"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence(desk: Desk, store: str, says: str) -> None:
    for line in (("--store", store, "runs"), ("--store", store, "doctor")):
        told = desk.refused(2, *line)
        assert says in told
        assert "not-a-secret" not in told
