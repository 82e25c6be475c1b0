"""`quarterdeck models setup-local`: a model on this machine, tried once, then in the settings."""

import asyncio
import importlib.util
import json
import os
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from quarterdeck.cli.ending import ExitCode, fail, one_sentence
from quarterdeck.cli.options import refuse_readonly, workspace_option
from quarterdeck.cli.output import say

if TYPE_CHECKING:
    from quarterdeck_kernel import ModelAnswer

_HONESTLY = (
    "A local model is asked for one call at a time, in a schema; how well it chooses is its own "
    "affair. Try it on something small first."
)


@click.command("setup-local", short_help="Prepare a model that runs on this machine.")
@click.argument("gguf", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--name", default="local", show_default=True, help="What it is called in the settings."
)
@workspace_option
def setup_local(*, gguf: Path | None, name: str, workspace: Path) -> None:
    """Prepare GGUF, a model's file, or a small one that is downloaded (94 MB); then use it.

    It is served by a process of its own on this machine, tried once, and named in the
    quarterdeck.toml of the workspace. Nothing is written if it cannot be served.
    """
    refuse_readonly()
    if not workspace.is_dir():
        fail(f"there is no folder {str(workspace)!r}; name a workspace", ExitCode.NOT_FOUND)
    if importlib.util.find_spec("xllamacpp") is None:
        from quarterdeck_kernel.models.local.serve import NEEDED

        fail(f"no model can be served here: {NEEDED}", ExitCode.FAILED)
    with one_sentence():
        file, honestly = _prepared(gguf)
        settings = workspace / "quarterdeck.toml"
        added = _section(settings, name, file)
        began = time.monotonic()
        answer = asyncio.run(_tried(file))
        took = time.monotonic() - began
        if added is not None:
            _write(settings, added)
    # The server, LiteLLM and the answer: what the first question of a run takes, too.
    say(f"served {file.name}: {answer.usage.output_tokens} tokens after {took:.1f} s")
    say(honestly)
    say(f"{'named' if added is not None else 'was named'} {name!r} in {settings}; try")
    say(f'  quarterdeck run AGENT "OBJECTIVE" --model {name}')


def _prepared(gguf: Path | None) -> tuple[Path, str]:
    from quarterdeck_kernel.models.local import bundled
    from quarterdeck_kernel.models.local.server import problem_of

    if gguf is None:
        click.echo("fetching the small model, once (94 MB) …", err=True)
        return bundled.fetched(), bundled.HONESTLY
    problem = problem_of(gguf)
    if problem is not None:
        fail(problem, ExitCode.USAGE)
    return gguf.resolve(), _HONESTLY


async def _tried(file: Path) -> "ModelAnswer":
    """Have it answer something that fits a schema: what agents need of it."""
    from quarterdeck_kernel import Message, ModelRequest
    from quarterdeck_kernel.models.local.model import LocalModel

    model = LocalModel(file)
    try:
        return await model.complete(
            ModelRequest(
                model="local",
                messages=(Message(role="user", text="Say good morning, as JSON."),),
                answer_schema={
                    "type": "object",
                    "properties": {"greeting": {"type": "string", "maxLength": 40}},
                    "required": ["greeting"],
                    "additionalProperties": False,
                },
            )
        )
    finally:
        await model.close()


# -- the settings


def _section(settings: Path, name: str, file: Path) -> str | None:
    """Return the settings with the model in them; None if it is there, with the same file."""
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    # Strings of JSON are strings of TOML.
    key, value = json.dumps(name, ensure_ascii=False), json.dumps(str(file), ensure_ascii=False)
    section = f"[models.{key}]\ngguf = {value}\n"
    added = f"{text.rstrip()}\n\n{section}".lstrip()
    try:
        there = tomllib.loads(text).get("models", {}).get(name)
        taken = there is not None or not tomllib.loads(added)
    except (tomllib.TOMLDecodeError, AttributeError):
        there, taken = None, True
    if there == {"gguf": str(file)}:
        return None
    if taken:
        fail(
            f"{settings} cannot take {name!r} as it stands; choose another --name, or write "
            f"there:\n{section}",
            ExitCode.CONFLICT,
        )
    return added


def _write(settings: Path, text: str) -> None:
    """Replace the file in one move: half of it would be no settings at all."""
    part = settings.with_name(f".{settings.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        if settings.exists():
            part.chmod(settings.stat().st_mode & 0o777)
        part.replace(settings)
    finally:
        part.unlink(missing_ok=True)
