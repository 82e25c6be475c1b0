"""The roster: agents from settings and from Python, and what is told of those that cannot be."""

from pathlib import Path

import pytest

from quarterdeck_kernel.errors import NotFoundError, SettingsError, StoreMissingError
from quarterdeck_kernel.kernel.equipped import Equipped
from quarterdeck_kernel.kernel.roster import Roster, roster_of
from quarterdeck_kernel.settings.loading import load_settings

MODULE = """
from quarterdeck_kernel import AgentSpec, Skill, ToolContext, tool_of

async def ring(context: ToolContext) -> str:
    return "rung"

bell = tool_of(ring, name="ring", description="Rings.", version="1")
knots = Skill(name="knots", summary="How to tie them.")
bosun = AgentSpec(name="bosun", tools=("ring",), skills=("knots",))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir(mode=0o700)
    return folder


def roster(folder: Path, toml: str, **files: str) -> Roster:
    (folder / "quarterdeck.toml").write_text(toml)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    made = roster_of(load_settings(folder, user=folder.parent / "nobody").settings)
    made.settle({})
    return made


def wrong(folder: Path, toml: str, **files: str) -> str:
    with pytest.raises(SettingsError) as refused:
        roster(folder, toml, **files)
    return "\n".join(refused.value.problems)


def test_an_agent_is_what_its_section_says(folder: Path) -> None:
    spec = roster(
        folder,
        """
        modules = ["./mine.py"]
        [agents.captain]
        prompt = "Sail."
        model = "acme/big"
        parameters = { temperature = 0.5 }
        tools = ["ring"]
        skills = ["knots"]
        sub_agents = ["mate"]
        budget_usd = 1.50
        deadline_s = 60
        autonomy = "high"
        output_schema = { type = "object", properties = { port = { type = "string" } } }
        [agents.mate]
        prompt = "Row."
        """,
        mine=MODULE,
    ).get("captain")
    assert (spec.prompt, spec.model, spec.tools, spec.skills) == (
        "Sail.",
        "acme/big",
        ("ring",),
        ("knots",),
    )
    assert spec.parameters == {"temperature": 0.5}
    assert spec.budget_micros == 1_500_000
    assert (spec.deadline_s, spec.autonomy) == (60, "high")
    assert spec.answer_schema is not None
    assert [child.name for child in spec.sub_agents] == ["mate"]


def test_a_list_of_agents_is_one_of_python_files(folder: Path) -> None:
    found = roster(folder, 'agents = ["./mine.py"]', mine=MODULE)
    assert found.get("bosun").tools == ("ring",)
    assert set(found.skills) == {"knots"}


def test_a_skill_may_be_a_folder_beside_the_settings(folder: Path) -> None:
    (folder / "skills" / "maps").mkdir(parents=True)
    (folder / "skills" / "maps" / "SKILL.md").write_text("# Read maps\n\nNorth is up.\n")
    found = roster(folder, '[agents.mate]\nskills = ["./skills/maps"]')
    assert found.get("mate").skills == ("maps",)
    assert found.skills["maps"].summary == "Read maps"


def test_an_unknown_agent_is_told_with_the_nearest(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="no agent 'captian'; did you mean 'captain'"):
        roster(folder, "[agents.captain]").get("captian")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[agents.a]\ntools = ["rnig"]', "agents.a.tools: there is no tool 'rnig'"),
        ('[agents.a]\nsub_agents = ["bb"]\n[agents.b]', "there is no agent 'bb'; did you mean 'b'"),
        ('[agents.a]\nskills = ["knots"]', "there is no skill 'knots'"),
        ('[agents.a]\nskills = ["./none"]', "cannot be read"),
        ('[agents.a]\nsub_agents = ["b"]\n[agents.b]\nsub_agents = ["a"]', "a -> b -> a"),
        ('[agents.a]\nautonomy = "hihg"', "did you mean 'high'"),
        ('[agents.a]\npromt = "x"', "did you mean 'prompt'"),
        ('[agents.a]\ntier = "small"', "tier 'small' has no models"),
        ('[agents.a]\ntier = "tiny"', "there is no word 'tiny'"),
        ('[agents."a b"]', "no name that can be used"),
        ('[agents.a]\ntools = ["finish"]', "tools of the kernel"),
        ('[budgets]\non_exceed = "degrade"', "name models in [tiers]"),
        ('[[routes]]\nname = "r"\ntier = "small"\nsaid_pattern = "("', "no regular expression"),
        ('modules = ["./none.py"]', "there is no file"),
        ('modules = ["no_such_module"]', "cannot be imported"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(folder: Path, toml: str, said: str) -> None:
    told = wrong(folder, toml)
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('no sea')", "raised ValueError at its import: no sea"),
        ("raise SystemExit(3)", "raised SystemExit at its import"),
        ("import nowhere_at_all", "cannot be imported: No module named 'nowhere_at_all'"),
        ("def (:", "raised SyntaxError at its import"),
    ],
)
def test_a_module_that_raises_is_told_in_a_sentence(folder: Path, source: str, said: str) -> None:
    assert said in wrong(folder, 'modules = ["./bad.py"]', bad=source)


def test_two_agents_of_one_name_are_told_of(folder: Path) -> None:
    assert "too" in wrong(folder, 'modules = ["./mine.py"]\n[agents.bosun]', mine=MODULE)


async def test_a_workspace_opens_with_all_that_its_settings_name(folder: Path) -> None:
    (folder / "a.json").write_text('{"rules": [{"answer": {"text": "hm"}}]}')
    (folder / "mine.py").write_text(MODULE)
    (folder / "quarterdeck.toml").write_text(
        """
        modules = ["./mine.py"]
        [models.a]
        script = "a.json"
        tier = "small"
        input_usd = 1
        output_usd = 2
        [agents.reader]
        tier = "small"
        tools = ["read_file", "ring"]
        """
    )
    async with await Equipped.of(folder) as kernel:
        assert {"read_file", "ring"} <= set(kernel.tools.names())
        assert set(kernel.crew) == {"bosun", "reader"}
        assert kernel.crew["reader"].model == "a"
        run = await kernel.start_agent(kernel.roster.get("reader"), "read")
        assert run.state.conditions.model == "a"


async def test_a_script_that_is_not_there_is_told_before_anything_is_opened(folder: Path) -> None:
    (folder / "quarterdeck.toml").write_text('[models.a]\nscript = "none.json"')
    with pytest.raises(SettingsError, match=r"models\.a\.script: .* cannot be read"):
        await Equipped.of(folder)
    assert not (folder / "quarterdeck.db").exists()


async def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="no folder"):
        await Equipped.of(tmp_path / "none")
