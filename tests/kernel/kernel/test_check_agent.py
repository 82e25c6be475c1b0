"""Checking an agent against a run: run again from every place where it decided something."""

import pytest

from quarterdeck_kernel import AgentSpec, Kernel, Run
from quarterdeck_kernel.agent import acting as agent_acting
from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.kernel import agent_check
from tests.kernel.agent.agents import calls, crewed, fails, finishes, says, scripted, started
from tests.kernel.agent.test_children import LEAD, child_of, led
from tests.kernel.engine.deck import World, acting, length

SAILOR = AgentSpec(name="sailor", prompt="You sail.", tools=("pay",), model="small", memory=True)
SAILED = (
    calls(("pay", {"amount": 1})),
    says("hm"),
    calls(("memory_append", {"text": "paid once"})),
    calls(("pay", {"amount": 2}), ("pay", {"amount": "much"})),
    finishes("paid"),
)


async def sailed(kernel: Kernel) -> Run:
    run = await started(kernel, SAILOR)
    await kernel.say(run, "mind the reef")
    await kernel.run_agent(run)
    assert run.state.status == "succeeded", run.state.failure
    return run


async def test_an_agent_does_what_its_run_has_on_record_and_nothing_is_done_for_it() -> None:
    world, model = World(), scripted(*SAILED)
    async with crewed(model, acting(world.acts)) as kernel:
        run = await sailed(kernel)
        done, asked, events = world.count, len(model.asked), await length(kernel, run)
        report = await kernel.check_agent_run(run)
        assert (report.equal, report.complete, report.seq) == (True, True, None), str(report)
        assert str(report) == f"the agent does what run {run.run_id!r} has on record"
        assert (world.count, len(model.asked), await length(kernel, run)) == (done, asked, events)


async def test_a_changed_prompt_is_named_with_the_first_request_that_would_differ() -> None:
    async with crewed(scripted(*SAILED), acting(World().acts)) as kernel:
        run = await sailed(kernel)
        changed = SAILOR.model_copy(update={"prompt": "You row."})
        report = await kernel.check_agent_run(run, changed)
        assert not report.equal
        first = (await kernel.store.read(run.run_id, kinds=("model_requested",)))[0]
        assert report.seq == first.seq
        assert "You sail." in (report.recorded or "")
        assert "You row." in (report.offered or "")


async def test_a_tool_that_is_gone_is_named() -> None:
    async with crewed(scripted(*SAILED), acting(World().acts)) as kernel:
        run = await sailed(kernel)
        report = await kernel.check_agent_run(run, SAILOR.model_copy(update={"tools": ()}))
        assert not report.equal
        assert "pay" in (report.recorded or "")
        assert "pay" not in (report.offered or "").split(", ")


async def test_an_agent_that_would_end_otherwise_is_found_at_the_end() -> None:
    async with crewed(scripted(finishes("done")), acting(World().acts)) as kernel:
        run = await started(kernel, AgentSpec(name="sailor", max_turns=5))
        await kernel.run_agent(run)
        report = await kernel.check_agent_run(run)
        assert report.equal
        strict = AgentSpec(name="sailor", max_turns=5, answer_schema={"type": "integer"})
        report = await kernel.check_agent_run(run, strict)
        assert not report.equal


async def test_a_call_that_would_be_made_today_is_named_with_what_the_run_did_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = scripted(calls(("pay", {"amount": 1}), ("pay", {"amount": 2})), finishes("paid"))
    async with crewed(model, acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        with monkeypatch.context() as patched:
            patched.setattr(agent_acting, "CALLS_PER_TURN", 1)
            await kernel.run_agent(run)
            assert (await kernel.check_agent_run(run)).equal
        report = await kernel.check_agent_run(run)
        requests = await kernel.store.read(run.run_id, kinds=("model_requested",))
        assert (report.equal, report.seq) == (False, requests[1].seq), str(report)
        assert "model step 'turn-2/model'" in (report.recorded or "")
        assert report.offered == 'the calls pay {"amount":2}'


async def test_calls_that_nobody_could_understand_are_no_difference() -> None:
    """Nothing is on record of them but what the model was told."""
    nonsense = calls(("pay", {"amount": "much"}), ("fly", {}))
    async with crewed(scripted(nonsense, finishes("no")), acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        await kernel.run_agent(run)
        report = await kernel.check_agent_run(run)
        assert report.equal, str(report)


async def test_a_model_that_failed_for_good_is_no_difference() -> None:
    async with crewed(scripted(fails("permanent")), acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        assert (await kernel.run_agent(run)).error == "model_failed"
        report = await kernel.check_agent_run(run)
        assert report.equal, str(report)


async def test_where_the_record_ends_it_is_told_what_the_agent_would_go_on_with() -> None:
    async with crewed(scripted(*SAILED), acting(World().acts)) as kernel:
        run = await started(kernel, SAILOR)
        report = await kernel.check_agent_run(run)
        assert (report.equal, report.complete) == (True, False)
        assert "it would go on with model step 'turn-1/model': user 'sail'" in str(report)
        assert (report.offered or "").startswith("model step 'turn-1/model'")
        await kernel.hold(run)
        assert (await kernel.check_agent_run(run)).offered is None


async def test_a_parent_and_its_child_are_checked_each_by_itself() -> None:
    tool = acting(World().acts, name="read", effect="read")
    async with crewed(led(calls(("read", {})), finishes("sail")), tool) as kernel:  # type: ignore[arg-type]
        run = await started(kernel, LEAD, "read")
        await kernel.run_agent(run)
        for each in (run, await child_of(kernel, run)):
            report = await kernel.check_agent_run(each)
            assert report.equal, str(report)


async def test_a_run_of_code_is_not_checked_as_an_agents() -> None:
    async with crewed(scripted(finishes())) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(
            InvalidError, match=r"is no agent's; check its code with `Kernel.check`"
        ):
            await kernel.check_agent_run(run)


async def test_a_check_that_reads_on_behind_the_place_finds_a_difference_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mutant: notes that were made later are in the prompt already."""
    monkeypatch.setattr(agent_check, "store_as_of", lambda store, _run, _until: store)
    async with crewed(scripted(*SAILED), acting(World().acts)) as kernel:
        assert not (await kernel.check_agent_run(await sailed(kernel))).equal
