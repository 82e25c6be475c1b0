"""What an agent keeps: memory in its own log, skills that it loads."""

from pathlib import Path

import pytest

from quarterdeck_kernel import AgentSpec, Decisions, Skill
from quarterdeck_kernel.agent.skills import skill_from
from quarterdeck_kernel.errors import InvalidError, NotFoundError, RunPausedError
from tests.kernel.agent.agents import calls, crewed, finishes, of_kind, scripted, started, told
from tests.kernel.engine.deck import World, acting

KEEPER = AgentSpec(name="keeper", memory=True)


async def test_memory_is_kept_in_the_log_and_stands_in_every_prompt() -> None:
    model = scripted(
        calls(("memory_append", {"text": "Tide at NINE"})),
        calls(("memory_append", {"text": "Wind west"})),
        calls(
            ("memory_search", {"query": "nine"}),
            ("memory_replace", {"number": 2, "text": "Wind east"}),
            ("memory_replace", {"number": 9, "text": "?"}),
        ),
        finishes(),
    )
    async with crewed(model) as kernel:
        run = await started(kernel, KEEPER)
        await kernel.run_agent(run)
        assert "Your memory" not in model.asked[0].messages[0].text
        assert "1. Tide at NINE\n2. Wind west" in model.asked[2].messages[0].text
        assert "2. Wind east" in model.asked[3].messages[0].text
        noted, _, found, replaced, missing = told(model.asked[3].messages)
        assert (noted, found, replaced) == ("noted as 1", '["Tide at NINE"]', "note 2 replaced")
        assert "no note 9" in missing
        assert len(await of_kind(kernel, run, "memory_changed")) == 3


async def test_memory_outlives_a_process_and_is_nobody_elses(tmp_path: Path) -> None:
    rules = [calls(("memory_append", {"text": "Tide at nine"})), calls(("pay", {})), finishes()]
    spec = AgentSpec(name="keeper", memory=True, tools=("pay",))
    async with crewed(scripted(*rules), acting(World().acts), at=tmp_path) as kernel:
        run = await started(kernel, spec, run_id="a")
        await kernel.run_agent(run)
        assert len(await of_kind(kernel, run, "memory_changed")) == 1
    model = scripted(finishes())
    async with crewed(model, acting(World().acts), at=tmp_path) as kernel:
        other = await started(kernel, spec, run_id="b")
        await kernel.run_agent(other)
        assert "Tide" not in model.asked[0].messages[0].text
        assert (await kernel.run_agent(await kernel.load_run("a"))).status == "succeeded"


async def test_memory_is_read_back_when_a_run_is_taken_up() -> None:
    model = scripted(
        calls(("memory_append", {"text": "Tide at nine"}), ("ask", {"question": "On?"})),
        finishes(),
    )
    async with crewed(model) as kernel:
        run = await started(kernel, KEEPER)
        with pytest.raises(RunPausedError) as paused:
            await kernel.run_agent(run)
        await kernel.resume(run, paused.value.pause_id, answer="yes")
        await kernel.run_agent(run)
        assert "1. Tide at nine" in model.asked[1].messages[0].text


async def test_a_skill_is_listed_and_visible_in_full_once_it_is_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "knots"
    folder.mkdir()
    (folder / "SKILL.md").write_text(
        "---\nname: knots\ndescription: How to tie things\ntools: [tie]\n---\n"
        "# Knots\nOver, under.\n",
        encoding="utf-8",
    )
    world = World()
    model = scripted(
        calls(("tie", {}), ("load_skill", {"name": "nets"})),
        calls(("load_skill", {"name": "knots"})),
        calls(("tie", {}), ("load_skill", {"name": "knots"})),
        finishes(),
    )
    async with crewed(model, acting(world.acts, name="tie")) as kernel:
        kernel.skill(folder)
        run = await started(kernel, AgentSpec(name="sailor", skills=("knots",)))
        await kernel.run_agent(run)
        assert "- knots: How to tie things" in model.asked[0].messages[0].text
        assert "Over, under." not in str(model.asked[1].messages)
        hidden, unknown, loaded, tied, again = told(model.asked[3].messages)
        assert hidden.startswith("access denied")
        assert "there are: knots" in unknown
        assert "Over, under." in loaded
        assert "Tools you can call now: tie" in loaded
        assert tied == '{"paid":1}'
        assert again == loaded
        assert "tie" in {tool.name for tool in model.asked[2].tools}
        assert len(await of_kind(kernel, run, "skill_loaded")) == 1


async def test_a_skill_that_cannot_be_resolved_is_an_error_and_not_dropped(tmp_path: Path) -> None:
    async with crewed(scripted(finishes())) as kernel:
        kernel.skill(Skill(name="nets", summary="fish"))
        with pytest.raises(NotFoundError, match="there are: nets"):
            await started(kernel, AgentSpec(name="sailor", skills=("knots",)))
        with pytest.raises(InvalidError, match="another skill"):
            kernel.skill(Skill(name="nets", summary="other"))
        with pytest.raises(InvalidError, match="cannot be read"):
            kernel.skill(tmp_path / "nowhere")


def test_a_skill_without_a_head_is_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    (folder / "SKILL.md").write_text("# Mending nets\nSlowly.\n", encoding="utf-8")
    assert skill_from(folder) == Skill(
        name="nets", summary="Mending nets", text="# Mending nets\nSlowly."
    )
    (folder / "SKILL.md").write_text("x" * 70_000, encoding="utf-8")
    with pytest.raises(InvalidError, match="longer than"):
        skill_from(folder)


async def test_a_skill_is_read_to_an_agent_with_what_is_said() -> None:
    model = scripted(finishes())
    async with crewed(model) as kernel:
        kernel.skill(Skill(name="nets", summary="fish", text="Cast on the right side."))
        run = await started(kernel, AgentSpec(name="sailor"))
        with pytest.raises(NotFoundError, match="there are: nets"):
            await kernel.say(run, "tie it", skills=["knots"])
        await kernel.say(run, "fish", skills=["nets"])
        await Decisions(kernel.store).say(run.run_id, "tie", skills=["knots"])
        await kernel.run_agent(run)
        said = [message.text for message in model.asked[0].messages[2:]]
        assert said[:3] == ["fish", "[skill nets]\nCast on the right side.", "tie"]
        assert said[3].startswith("[skill knots cannot be read")
