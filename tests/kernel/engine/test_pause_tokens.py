"""Resume tokens: told once, stored hashed, good for one pause."""

import hmac

import pytest

from quarterdeck_kernel import Kernel, Run
from quarterdeck_kernel.engine.log_reader import opened as whole
from quarterdeck_kernel.engine.pauses import token_hash
from quarterdeck_kernel.errors import AlreadySettledError, InvalidError, RunPausedError
from quarterdeck_kernel.events.people_events import PauseRequested, PauseResolved
from quarterdeck_kernel.runs import resolve
from tests.kernel.engine.deck import ADA, BEN, events, kernel_of, length


async def opened(kernel: Kernel, run: Run, key: str = "q", *, token: bool = True) -> RunPausedError:
    with pytest.raises(RunPausedError) as paused:
        await kernel.pause(run=run, step_key=key, title="Sail?", type="confirm", with_token=token)
    return paused.value


def told(error: RunPausedError) -> str:
    assert error.token is not None
    return error.token


async def test_the_token_alone_names_the_pause_it_answers() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        others = [await opened(kernel, run, key) for key in ("a", "b")]
        pause = await opened(kernel, run)
        await kernel.resume(run.run_id, token=told(pause), answer=True, actor=ADA)
        resolved = (await events(kernel, run))[-1].payload
        assert isinstance(resolved, PauseResolved)
        assert (resolved.pause_id, resolved.by_token) == (pause.pause_id, True)
        assert list((await kernel.load_run(run.run_id)).state.pauses) == [
            other.pause_id for other in others
        ]


async def test_who_holds_no_token_is_recorded_so() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause = await opened(kernel, run)
        await kernel.resume(run, pause.pause_id, answer=True, actor=ADA)
        resolved = (await events(kernel, run))[-1].payload
        assert isinstance(resolved, PauseResolved)
        assert not resolved.by_token


async def test_only_the_hash_is_stored_and_the_token_is_told_once() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause = await opened(kernel, run)
        assert (await opened(kernel, run)).token is None, "told to who opened it, once"
        records = await kernel.store.read(run.run_id)
        assert not any(told(pause) in str(record) for record in records)
        asked = (await whole(kernel.store, records[-1])).payload
        assert isinstance(asked, PauseRequested)
        assert asked.token_hash == token_hash(told(pause))


async def test_a_token_of_another_pause_is_refused_and_said_so() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        one, two = [await opened(kernel, run, key) for key in ("a", "b")]
        before = await length(kernel, run)
        with pytest.raises(InvalidError, match=f"is of pause '{one.pause_id}', not of"):
            await kernel.resume(run, two.pause_id, token=told(one), answer=True, actor=ADA)
        assert await length(kernel, run) == before


@pytest.mark.parametrize("guess", ["", "guess", "0" * 64, "\ud800"])
@pytest.mark.parametrize("has_token", [True, False])
@pytest.mark.parametrize("named", [True, False])
async def test_a_guess_opens_nothing(guess: str, *, has_token: bool, named: bool) -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause = await opened(kernel, run, token=has_token)
        before = await length(kernel, run)
        with pytest.raises(InvalidError, match="that token opens no pause"):
            await kernel.resume(
                run, pause.pause_id if named else None, token=guess, answer=True, actor=ADA
            )
        assert await length(kernel, run) == before


async def test_a_token_of_another_run_opens_nothing() -> None:
    async with kernel_of() as kernel:
        here, there = [await kernel.start_run(agent="purser") for _ in range(2)]
        token = told(await opened(kernel, there))
        await opened(kernel, here)
        with pytest.raises(InvalidError, match="that token opens no pause"):
            await kernel.resume(here, token=token, answer=True, actor=ADA)


async def test_a_token_that_was_used_is_told_by_whom_and_when() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pause = await opened(kernel, run)
        await kernel.resume(run, token=told(pause), answer=True, actor=BEN)
        with pytest.raises(AlreadySettledError, match="answered by operator:ben on engine-room"):
            await kernel.resume(run, token=told(pause), answer=False, actor=ADA)


async def test_an_answer_names_its_pause() -> None:
    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        await opened(kernel, run)
        with pytest.raises(InvalidError, match="say which pause"):
            await kernel.resume(run, answer=True, actor=ADA)


async def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the one function that is made for it, for each pause, found or not."""
    compared: list[str] = []
    real = hmac.compare_digest

    def seen(one: str, other: str) -> bool:
        compared.append(one)
        return real(one, other)

    async with kernel_of() as kernel:
        run = await kernel.start_run(agent="purser")
        pauses = [await opened(kernel, run, key) for key in ("a", "b", "c")]
        monkeypatch.setattr(hmac, "compare_digest", seen)
        await kernel.resume(run, token=told(pauses[0]), answer=True, actor=ADA)
        assert sorted(compared) == sorted(token_hash(told(pause)) for pause in pauses)


async def test_the_tests_above_see_a_token_that_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def believes(_store: object, _state: object, pause_id: str, _token: object) -> str:
        return pause_id

    monkeypatch.setattr(resolve, "_named", believes)
    with pytest.raises(pytest.fail.Exception):
        await test_a_token_of_another_pause_is_refused_and_said_so()
    with pytest.raises(pytest.fail.Exception):
        await test_a_guess_opens_nothing("guess", has_token=True, named=True)
