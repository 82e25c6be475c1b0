"""The tool that runs a command.

A command can do whatever the user can who runs this process: the root is where it begins, not a
wall. So it has a capability and a risk of its own, and a person sees the line before it runs.
"""

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, JsonValue

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.bounds import COMMAND_CHARS, COMMAND_S
from quarterdeck_kernel.tools.builtin.process import Command
from quarterdeck_kernel.tools.builtin.refusals import refused
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of
from quarterdeck_kernel.vocabulary.retry import RetryPolicy

_SHELL = "/bin/sh"
_SLACK_S = 30.0
_USUAL_S = 60.0


def shell_tool(root: Root, *, environment: Mapping[str, str] | None = None) -> Tool:
    """Return the tool. A command sees the variables of `environment`, and hardly any others."""
    given = dict(environment or {})

    async def shell(
        command: Annotated[str, Field(min_length=1, max_length=COMMAND_CHARS)],
        folder: str = ".",
        timeout_s: Annotated[float, Field(gt=0, le=COMMAND_S)] = _USUAL_S,
    ) -> dict[str, JsonValue]:
        """Run a command with /bin/sh, and wait for its end. It has no input and no terminal.

        Args:
            command: the command line
            folder: where to run it, from the root on
            timeout_s: how long it may take; then it is killed, with all that it has started
        """
        _check(command)
        with root.folder(root.parts(folder)) as folder_fd:
            try:
                running = Command(
                    (_SHELL, "-c", command),
                    folder_fd=folder_fd,
                    environment=_environment(root, given),
                )
            except OSError as error:
                raise refused(error, folder) from error
        finished = await running.run(timeout_s=timeout_s)
        told: dict[str, JsonValue] = {
            "exit_code": finished.exit_code,
            "stdout": finished.stdout,
            "stderr": finished.stderr,
        }
        if finished.exit_code is None:
            told["killed"] = f"it took more than {timeout_s:g} s, and may have done a part of it"
        return told

    def preview(command: str, folder: str, timeout_s: float) -> dict[str, JsonValue]:
        """Show what would run, and where."""
        _check(command)
        names = root.parts(folder)
        with root.folder(names):
            pass
        return {
            "command": command,
            "cwd": "/".join((root.path.name, *names)),
            "timeout_s": timeout_s,
            "environment": [*sorted(given)],
        }

    return tool_of(
        shell,
        effect="once",
        capability="shell",
        risk="high",
        version="1",
        retry=RetryPolicy(timeout_s=COMMAND_S + _SLACK_S, budget_s=COMMAND_S + _SLACK_S),
        preview=preview,
    )


def _check(command: str) -> None:
    if "\0" in command:
        raise PermanentToolError("the command holds a NUL; leave it out")


def _environment(root: Root, given: Mapping[str, str]) -> dict[str, str]:
    """Return all that a command sees of the environment: nothing that could hold a secret."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(root.path),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "cat",
        **given,
    }
