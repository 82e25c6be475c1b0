"""`quarterdeck run`: give an agent something to do, and see it through or leave it to a worker."""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.options import refuse_readonly, workspace_option
from quarterdeck.views.model_keys import missing_key

if TYPE_CHECKING:
    from quarterdeck_kernel import AgentResult, AgentSpec, Run, RunState
    from quarterdeck_kernel.kernel.equipped import Equipment, Equipped
    from quarterdeck_kernel.kernel.supervising import SupervisedKernel

_LOOK_S = 0.5
_ENDED = {"cancelled": "was cancelled", "timed_out": "has timed out"}


class Order(TypedDict):
    """What is to be done, on which terms."""

    agent: str
    objective: str
    model: str | None
    budget: int | None
    tenant: str
    deadline: int | None
    detach: bool
    as_json: bool


def _micros(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    from quarterdeck.views.amounts import dollars

    micros = None if text is None else dollars(text)
    if text is not None and micros is None:
        raise click.BadParameter(f"{text!r} is no amount in dollars; write it as 2.50")
    return micros


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    from quarterdeck.views.amounts import span_s

    seconds = None if text is None else span_s(text)
    if text is not None and seconds is None:
        raise click.BadParameter(f"{text!r} is no time; write it as 90s, 10m, 2h or 1d")
    return seconds


@click.command(short_help="Give an agent something to do.")
@click.argument("agent")
@click.argument("objective")
@workspace_option
@click.option("--model", metavar="M", help="In place of the agent's own.")
@click.option("--budget", metavar="USD", callback=_micros, help="What it may cost, in dollars.")
@click.option("--tenant", metavar="T", default="local", show_default=True, help="Whose run it is.")
@click.option("--deadline", metavar="10m", callback=_seconds, help="When its time is over.")
@click.option("--detach", is_flag=True, help="Queue it for the app or a worker, and be done.")
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
def run(*, workspace: Path, **order: Unpack[Order]) -> None:
    """Let AGENT work at OBJECTIVE here until it is done, or somebody has to decide something.

    The exit code is 0 if it is done, 1 if it failed, 2 if no model is named or its key is not set,
    3 if there is no such agent, 5 if a guard or policy refuses it, and 7 if it waits for a person:
    decide, and a worker goes on with it. Ctrl+C lets it stop at its next boundary; a second one
    stops now.

    Fields of --json: run_id, status, answer, partial_answer, error, message.
    """
    refuse_readonly()
    with one_sentence():
        code = asyncio.run(_run(workspace, order))
    if code:
        raise click.exceptions.Exit(code)


async def _run(folder: Path, order: Order) -> ExitCode:
    from quarterdeck_kernel.clock import SystemClock
    from quarterdeck_kernel.kernel.equipped import Equipment, Equipped

    deadline_s, budget = order["deadline"], order["budget"]
    equipment = await Equipment(folder).start()
    try:
        # What cannot be begun makes no database.
        spec = equipment.roster.get(order["agent"])
        _check_model(equipment, spec, order)
    except BaseException:
        await equipment.close()
        raise
    async with await Equipped.with_all(folder, equipment) as kernel:
        begun = await kernel.start_agent(
            spec,
            order["objective"],
            tenant=order["tenant"],
            model=order["model"],
            budgets={"micros": budget} if budget is not None else None,
            deadline_us=None
            if deadline_s is None
            else SystemClock().now_us() + deadline_s * 1_000_000,
        )
        if order["detach"]:
            click.echo(json.dumps({"run_id": begun.run_id}) if order["as_json"] else begun.run_id)
            return ExitCode.DONE
        click.echo(f"run {begun.run_id}", err=True)
        return await _seen_through(kernel, begun, as_json=order["as_json"])


def _check_model(equipment: "Equipment", spec: "AgentSpec", order: Order) -> None:
    """Refuse to begin without a model, or without its key: a worker may have that, though."""
    model = order["model"] or equipment.model_of(spec)
    if not model:
        fail(
            f"agent {spec.name!r} names no model; name one with --model, or as `model` in "
            "quarterdeck.toml",
            ExitCode.USAGE,
        )
    variable = missing_key(model, equipment.offline_models, os.environ)
    if variable is not None and not order["detach"]:
        fail(
            f"model {model!r} needs a key and {variable} is not set; set it, or name another model "
            "with --model",
            ExitCode.USAGE,
        )


async def _seen_through(kernel: "Equipped", begun: "Run", *, as_json: bool) -> ExitCode:
    from quarterdeck.cli.stopping import stopping
    from quarterdeck_kernel import errors
    from quarterdeck_kernel.kernel.supervising import SupervisedKernel

    host = SupervisedKernel(kernel)
    work = asyncio.create_task(kernel.run_agent(begun))
    watch = asyncio.create_task(_until_a_child_waits(kernel, host, begun))
    try:
        with stopping(host.drain, work.cancel):
            await asyncio.wait([work, watch], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait([work])
        if work.cancelled() and watch.done():
            watch.result()
            why = "a sub-agent waits for a person"
            return _stopped(begun, why, ExitCode.WAITS, as_json=as_json)
        return _told(begun, work.result(), as_json=as_json)
    except asyncio.CancelledError:
        return _stopped(begun, "it was stopped", ExitCode.FAILED, as_json=as_json)
    except errors.StepInterruptedError as error:
        return _stopped(begun, str(error), ExitCode.FAILED, as_json=as_json)
    except errors.RunCancelledError as error:
        return _stopped(begun, str(error), ExitCode.FAILED, as_json=as_json)
    except errors.DeniedError as error:
        return _stopped(begun, str(error), ExitCode.REFUSED, as_json=as_json)
    except errors.RunStoppedError as error:
        return _stopped(begun, str(error), ExitCode.WAITS, as_json=as_json)
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _until_a_child_waits(kernel: "Equipped", host: "SupervisedKernel", begun: "Run") -> None:
    """Return once all that is left of the run are sub-agents who wait for somebody."""
    while not host.rests(begun.driver):
        position = (await kernel.store.checkpoint()).position
        await kernel.store.wait(after=position, timeout_s=_LOOK_S)


def _told(begun: "Run", result: "AgentResult", *, as_json: bool) -> ExitCode:
    from quarterdeck.views.plain import plain

    done = result.status == "succeeded"
    if as_json:
        click.echo(
            json.dumps(
                {
                    "run_id": begun.run_id,
                    "status": result.status,
                    "answer": result.answer,
                    "partial_answer": result.partial_answer,
                    "error": result.error,
                    "message": result.message,
                }
            )
        )
    elif done:
        answer = result.answer
        _say(answer if isinstance(answer, str) else json.dumps(answer, indent=2))
    else:
        if result.partial_answer is not None:
            _say(f"It came as far as this: {result.partial_answer}")
        why = result.message or result.error or "no reason is known"
        what = _ENDED.get(result.status, result.status)
        click.echo(f"quarterdeck: the run {what}: {plain(why)}", err=True)
    if not done and result.error == "denied":
        return ExitCode.REFUSED
    return ExitCode.DONE if done else ExitCode.FAILED


def _stopped(begun: "Run", why: str, code: ExitCode, *, as_json: bool) -> ExitCode:
    from quarterdeck.views.plain import plain

    if as_json:
        said = {"run_id": begun.run_id, "status": begun.state.status, "message": why}
        click.echo(json.dumps({**said, "answer": None, "partial_answer": None, "error": None}))
    else:
        click.echo(f"quarterdeck: {plain(why)}", err=True)
        if not begun.state.terminal:
            click.echo(f"next: {_next(begun.state)}a worker or the app goes on with it", err=True)
    return code


def _next(state: "RunState") -> str:
    """Return the command that lets a run go on which somebody or something has stopped."""
    run_id = state.identity.run_id
    pauses = [*state.pauses.values()]
    command = None
    if len(pauses) == 1 and not state.unknowns:
        verb = "approve {}" if pauses[0].digest is not None else "answer {} VALUE"
        command = verb.format(pauses[0].pause_id)
    elif pauses or state.unknowns or state.children:
        command = "inbox"
    elif state.hold is not None:
        command = f"budget {run_id} USD" if state.hold.by == "budget" else f"release {run_id}"
    return f"`quarterdeck {command}`; then " if command is not None else ""


def _say(text: str) -> None:
    from quarterdeck.views.plain import plain

    click.echo("\n".join(map(plain, text.splitlines())))
