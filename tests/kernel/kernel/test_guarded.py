"""Kernels that judge by settings: what opens, what is refused, what an approval is bound to."""

from pathlib import Path
from typing import Any

import pytest

from quarterdeck_kernel import (
    ALLOW,
    Budgets,
    GuardKind,
    Kernel,
    ProposedCall,
    Run,
    Tenant,
    ToolResult,
    Verdict,
    tool_of,
)
from quarterdeck_kernel.errors import (
    DeniedError,
    InvalidError,
    MissingCapabilityError,
    RunPausedError,
    SettingsError,
    UnguardedError,
)
from quarterdeck_kernel.events.guard_events import GuardDenied, GuardWarned
from quarterdeck_kernel.events.people_events import PauseRequested
from quarterdeck_kernel.guards.enforced import SECURITY
from quarterdeck_kernel.guards.personal_data.policy import PersonalDataPolicy
from quarterdeck_kernel.guards.policy.rule import Rule
from quarterdeck_kernel.kernel import guarding
from quarterdeck_kernel.settings.files import FILE_NAME, user_folder
from tests.kernel.engine.deck import ADA, BEN, World, acting, events, pays, story
from tests.kernel.engine.model_stage import Provider, says


class Own:
    """A guard of one's own that has nothing to say."""

    name = "own"

    def __init__(self, kind: GuardKind) -> None:
        self.kind = kind

    def judge(self, _call: ProposedCall) -> Verdict:
        return ALLOW


def write(workspace: Path, text: str) -> None:
    (workspace / FILE_NAME).write_text(text, encoding="utf-8")


async def opened(workspace: Path, world: World, **wiring: Any) -> Kernel:  # noqa: ANN401 - of Kernel
    wiring.setdefault("tools", [acting(world.acts)])
    return await Kernel.open(workspace, **wiring)


async def write_file(path: str) -> str:
    """Say where it would write."""
    return path


async def written(deck: Kernel, run: Run, step_key: str, path: str) -> ToolResult:
    arguments = {"path": path}
    return await deck.step_tool(run=run, step_key=step_key, tool="write_file", arguments=arguments)


ASKS = """
[[rules]]
name = "sums"
verdict = "require_approval"
reason = "money leaves the house"
tools = ["pay"]
risk = "high"
"""
OTHER = """
[[rules]]
name = "other"
verdict = "deny"
tools = ["launch"]
"""


async def test_a_rule_of_the_workspace_denies_and_says_which_it_was(tmp_path: Path) -> None:
    write(tmp_path, "[[rules]]\nname = 'no-pay'\nverdict = 'deny'\ntools = ['p*']")
    world = World()
    async with await opened(tmp_path, world) as deck:
        run = await deck.start_run(agent="purser")
        text = r"denied by policy: rule 'no-pay': the tool fits p\*"
        with pytest.raises(DeniedError, match=text):
            await pays(deck, run)
        denial = (await events(deck, run))[-1].payload
        assert isinstance(denial, GuardDenied)
        assert (denial.rule, world.count) == ("no-pay", 0)
        (rule,) = denial.rules
        assert rule.startswith("no-pay@")


async def test_a_rule_of_the_user_holds_in_every_workspace_and_in_memory(tmp_path: Path) -> None:
    user_folder().mkdir(parents=True)
    write(user_folder(), "[[rules]]\nname = 'mine'\nverdict = 'deny'")
    write(tmp_path, "[[rules]]\nname = 'all'\nverdict = 'allow'")
    for workspace in (tmp_path, ":memory:"):
        async with await Kernel.open(workspace, tools=[acting(World().acts)]) as deck:
            run = await deck.start_run(agent="purser")
            with pytest.raises(DeniedError, match="rule 'mine': it is for every step"):
                await pays(deck, run)


async def test_a_warning_of_a_rule_names_it_on_record(tmp_path: Path) -> None:
    write(tmp_path, "[[rules]]\nname = 'dear'\nverdict = 'warn'\nreason = 'dear'")
    world = World()
    async with await opened(tmp_path, world) as deck:
        run = await deck.start_run(agent="purser")
        await pays(deck, run)
        assert await story(deck, run) == ["guard_warned", "intent 1", "success"]
        warning = (await events(deck, run))[2].payload
        assert isinstance(warning, GuardWarned)
        assert (warning.rule, warning.reason) == ("dear", "dear")


async def asked(deck: Kernel, run: Run) -> PauseRequested:
    with pytest.raises(RunPausedError):
        await pays(deck, run)
    payload = (await events(deck, run))[-1].payload
    assert isinstance(payload, PauseRequested)
    return payload


async def test_an_approval_asks_on_the_rules_terms(tmp_path: Path) -> None:
    write(tmp_path, ASKS + "people_needed = 2\nexpires_after_s = 60")
    world = World()
    async with await opened(tmp_path, world) as deck:
        run = await deck.start_run(agent="purser")
        pause = await asked(deck, run)
        assert pause.title == "money leaves the house"
        assert (pause.risk, pause.people_needed) == ("high", 2)
        assert pause.expires_at_us is not None
        await deck.resume(run, pause.pause_id, decision="approved", actor=ADA)
        with pytest.raises(RunPausedError):
            await pays(deck, run)
        await deck.resume(run, pause.pause_id, decision="approved", actor=BEN)
        await pays(deck, run)
        assert world.count == 1


@pytest.mark.parametrize(
    ("changed", "stands"),
    [
        (ASKS, True),
        (OTHER + ASKS, True),
        (ASKS + "[limits.run]\ntool_calls = 9", True),
        (ASKS.replace("pay", "pa*"), False),
        (ASKS + "people_needed = 2", False),
        (ASKS.replace("sums", "sums-2"), False),
        (ASKS.replace("leaves", "LEAVES"), False),
        (ASKS + ASKS.replace("sums", "more"), False),
        (ASKS + "[[rules]]\nname = 'new'\nverdict = 'allow'", False),
    ],
)
async def test_an_approval_falls_with_a_change_of_what_matched_and_of_nothing_else(
    tmp_path: Path, changed: str, *, stands: bool
) -> None:
    world = World()
    write(tmp_path, OTHER + ASKS)
    async with await opened(tmp_path, world) as deck:
        run = await deck.start_run(agent="purser")
        pause = await asked(deck, run)
        await deck.resume(run, pause.pause_id, decision="approved", actor=ADA)
    write(tmp_path, changed)
    async with await opened(tmp_path, world) as deck:
        run = await deck.load_run(run.run_id)
        if stands:
            await pays(deck, run)
        else:
            again = await asked(deck, run)
            assert again.pause_id != pause.pause_id
        assert world.count == int(stands)


async def test_a_rule_that_would_not_change_with_its_text_would_be_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rule, "identity", property(lambda rule: rule.name))
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await test_an_approval_falls_with_a_change_of_what_matched_and_of_nothing_else(
            tmp_path, ASKS + "people_needed = 2", stands=False
        )


async def test_an_approval_taken_before_the_rule_denies_is_worth_nothing(tmp_path: Path) -> None:
    world = World()
    write(tmp_path, ASKS)
    async with await opened(tmp_path, world) as deck:
        run = await deck.start_run(agent="purser")
        pause = await asked(deck, run)
        await deck.resume(run, pause.pause_id, decision="approved", actor=ADA)
    write(tmp_path, ASKS + "[[rules]]\nname = 'no'\nverdict = 'deny'")
    async with await opened(tmp_path, world) as deck:
        run = await deck.load_run(run.run_id)
        with pytest.raises(DeniedError):
            await pays(deck, run)
        assert world.count == 0


async def test_models_are_judged_by_rules(tmp_path: Path) -> None:
    write(tmp_path, "[[rules]]\nname = 'small'\nverdict = 'deny'\nmodels = ['*', '!tiny-*']")
    model = Provider(says("yes"))
    async with await opened(tmp_path, World(), model=model, model_name="tiny-1") as deck:
        run = await deck.start_run(agent="purser")
        assert (await deck.step_model(run=run, step_key="a", prompt="hi")).text == "yes"
        with pytest.raises(DeniedError, match="denied by policy: rule 'small': the model fits"):
            await deck.step_model(run=run, step_key="b", prompt="hi", model="huge")


async def test_relative_paths_in_arguments_begin_at_the_files_of_the_workspace(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        "[[rules]]\nname = 'inside'\nverdict = 'deny'\narguments.path = { path_outside = ['.'] }",
    )
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "link").symlink_to(tmp_path)
    async with await opened(tmp_path, World(), tools=[tool_of(write_file)]) as deck:
        run = await deck.start_run(agent="scribe")
        for key, path in enumerate(("../quarterdeck.toml", "link/x", "/etc/passwd", "~/x")):
            with pytest.raises(DeniedError, match="'path' is outside"):
                await written(deck, run, str(key), path)
        inside = str(tmp_path / "files" / "a")
        assert (await written(deck, run, "in", inside)).value == inside
        assert (await written(deck, run, "rel", "a/../b")).value == "a/../b"


# -- opening


@pytest.mark.parametrize(
    ("kinds", "missing"),
    [
        ([], ["personal_data", "policy", "budget"]),
        (["policy", "loop"], ["personal_data", "budget"]),
        (["budget", "policy"], ["personal_data"]),
        (["policy", "personal_data", "budget"], []),
        (["budget", "personal_data", "policy", "capability"], []),
    ],
)
async def test_enforced_mode_refuses_to_start_without_its_guards_and_says_which(
    tmp_path: Path, kinds: list[GuardKind], missing: list[str]
) -> None:
    write(tmp_path, "guards.mode = 'enforced'")
    guards = [Own(kind) for kind in kinds]
    if not missing:
        async with await opened(tmp_path, World(), guards=guards, personal_data=None) as deck:
            run = await deck.start_run(agent="purser")
            await pays(deck, run)
        return
    with pytest.raises(UnguardedError, match=r"guards\.mode is 'enforced'") as refused:
        await opened(tmp_path, World(), guards=guards, personal_data=None)
    told = [kind for kind in SECURITY if f"{kind} (" in str(refused.value)]
    assert told == missing
    # Nothing was opened, or made, for a kernel that does not start.
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


async def test_rules_and_limits_are_the_policy_that_enforced_mode_asks_for(tmp_path: Path) -> None:
    for text in (ASKS, "limits.run.tool_calls = 1"):
        write(tmp_path, f"guards.mode = 'enforced'\n{text}")
        with pytest.raises(UnguardedError) as refused:
            async with await opened(tmp_path, World()):
                pass
        assert "policy (" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "code", "missing"),
    [
        ("", {"personal_data": PersonalDataPolicy.everywhere("off")}, "personal_data"),
        ("personal_data.prompt = 'off'", {}, None),
        ("", {"budgets": Budgets()}, "budget"),
        ("", {"budgets": Budgets(run={"tokens": 1})}, None),
    ],
)
async def test_enforced_mode_counts_what_holds_not_what_is_merely_mentioned(
    tmp_path: Path, said: str, code: dict[str, Any], missing: str | None
) -> None:
    write(tmp_path, f"guards.mode = 'enforced'\nbudgets.run.usd = 1\n{said}\n{ASKS}")
    if missing is None:
        await (await opened(tmp_path, World(), **code)).close()
        return
    with pytest.raises(UnguardedError, match=rf"missing: {missing} \("):
        await opened(tmp_path, World(), **code)


async def test_a_budget_that_bounds_nothing_is_none_in_enforced_mode(tmp_path: Path) -> None:
    write(tmp_path, f"guards.mode = 'enforced'\nbudgets.warn_percent = 50\n{ASKS}")
    with pytest.raises(UnguardedError, match=r"missing: budget \("):
        await opened(tmp_path, World())


async def test_a_kernel_that_does_not_look_would_be_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "check_enforced", lambda _kinds: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await test_rules_and_limits_are_the_policy_that_enforced_mode_asks_for(tmp_path)


async def test_wrong_settings_stop_the_start_and_nothing_is_opened(tmp_path: Path) -> None:
    write(tmp_path, "\n[guard]\nmode = 1")
    with pytest.raises(
        SettingsError, match=r"quarterdeck\.toml:2: guard: .* did you mean 'guards'"
    ):
        await opened(tmp_path, World())
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


async def test_settings_that_are_given_are_taken_instead_of_the_files(tmp_path: Path) -> None:
    write(tmp_path, "this is no TOML")
    world = World()
    async with await opened(tmp_path, world, settings=None) as deck:
        run = await deck.start_run(agent="purser")
        await pays(deck, run)
    assert world.count == 1


async def test_tenants_come_from_settings_and_code_and_have_what_both_give(tmp_path: Path) -> None:
    write(
        tmp_path,
        "[tenants.acme]\ncapabilities = ['money', 'ships']\nbudget_usd = 5\n"
        "[tenants.solo]\ncapabilities = ['money']\nbudget_usd = 5",
    )
    code = [
        Tenant(tenant_id="acme", capabilities=frozenset({"ships"}), budget_micros=1),
        Tenant(tenant_id="code", capabilities=frozenset({"money"}), budget_micros=1),
    ]
    tool = acting(World().acts, capability="money")
    async with await opened(tmp_path, World(), tools=[tool], tenants=code) as deck:
        for tenant in ("solo", "code"):
            run = await deck.start_run(agent="purser", tenant=tenant)
            await pays(deck, run)
        run = await deck.start_run(agent="purser", tenant="acme")
        with pytest.raises(MissingCapabilityError):
            await pays(deck, run)
        with pytest.raises(InvalidError, match="tenant 'local' is not known here"):
            await deck.start_run(agent="purser", tenant="local")


@pytest.mark.parametrize(
    ("said", "code", "kept"),
    [
        ("prompt = 'off'", {}, "ada@example.com"),
        ("prompt = 'off'", {"personal_data": PersonalDataPolicy()}, "[email]"),
        ("output = 'off'", {}, "[email]"),
        ("prompt = 'redact'", {"personal_data": None}, "[email]"),
        ("", {}, "[email]"),
        ("", {"personal_data": None}, "ada@example.com"),
    ],
)
async def test_personal_data_is_treated_as_the_stricter_of_settings_and_code_say(
    tmp_path: Path, said: str, code: dict[str, Any], kept: str
) -> None:
    write(tmp_path, f"[personal_data]\n{said}")
    model = Provider(says("yes"))
    async with await opened(tmp_path, World(), model=model, **code) as deck:
        run = await deck.start_run(agent="purser")
        await deck.step_model(run=run, step_key="a", prompt="to ada@example.com")
        assert model.asked[0].messages[0].text == f"to {kept}"


async def test_enforced_mode_has_personal_data_unless_it_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "guards.mode = 'enforced'")
    with pytest.raises(UnguardedError) as refused:
        await opened(tmp_path, World())
    assert "personal_data (" not in str(refused.value)
