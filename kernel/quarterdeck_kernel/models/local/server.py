"""Owns the process that serves a local model: started, waited for, ended with its owner.

No wait is without a bound. What the process says goes to a log file, never to the screen.
"""

import asyncio
import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

from quarterdeck_kernel.errors import ModelPermanentError, ModelTransientError

_SERVE: Final = Path(__file__).with_name("serve.py")
START_S: Final = 120.0
"""Large files take long to load; what takes longer than this is not served."""
_CLOSE_S: Final = 5.0
_GONE_S: Final = 0.5
_LOG_BYTES: Final = 1024 * 1024
_MAGIC: Final = b"GGUF"


def problem_of(gguf: Path) -> str | None:
    """Return why a file cannot be served, None if it looks as if it can."""
    try:
        with gguf.open("rb") as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return f"the model {str(gguf)!r} cannot be read: {reason}; name another GGUF file"
    return f"{str(gguf)!r} is no GGUF file; name one that is"


class LocalServer:
    """A server that was started. `url` and `api_key` are how it is asked."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, api_key: str) -> None:
        self.url = url
        self.api_key = api_key
        self.pid = process.pid
        self._process = process

    @classmethod
    async def start(
        cls, gguf: Path, *, window_tokens: int, log: Path, start_s: float = START_S
    ) -> Self:
        """Return a server that is ready; raise what keeps the file from being served."""
        problem = await asyncio.to_thread(problem_of, gguf)
        if problem is not None:
            raise ModelPermanentError(problem)
        key = secrets.token_urlsafe()
        order = {"gguf": str(gguf), "window_tokens": window_tokens, "api_key": key}
        with _opened(log) as sink:
            process = await asyncio.create_subprocess_exec(
                # Nothing that lies about in this folder is to be imported there.
                *(sys.executable, "-P", str(_SERVE)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=sink,
                # Ctrl+C in a terminal is meant for its owner, who may still want answers.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(start_s):
                url = await _answered(process, json.dumps(order), gguf, log)
        except BaseException as error:
            await _end(process)
            if isinstance(error, TimeoutError):
                raise ModelPermanentError(
                    f"the local model {str(gguf)!r} was not ready within {start_s:g} s; "
                    f"look into {str(log)!r}"
                ) from error
            raise
        return cls(process, url, key)

    @property
    def exit_code(self) -> int | None:
        """Return how it has ended, None if it goes on."""
        return self._process.returncode

    async def gone(self) -> bool:
        """Tell whether it has ended: one that was killed just now has a moment to be found out."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GONE_S):
                await self._process.wait()
        return self.exit_code is not None

    async def close(self) -> None:
        """End it."""
        await _end(self._process)


def _opened(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES:
            log.unlink()
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


async def _answered(process: asyncio.subprocess.Process, order: str, gguf: Path, log: Path) -> str:
    assert process.stdin is not None, "it was asked for"
    assert process.stdout is not None, "it was asked for"
    with suppress(ConnectionError):
        process.stdin.write(f"{order}\n".encode())
        await process.stdin.drain()
    line = await process.stdout.readline()
    what = f"the local model {str(gguf)!r} cannot be served"
    match _read(line):
        case {"url": str(url)}:
            return url
        case {"error": str(reason)}:
            raise ModelPermanentError(f"{what}: {reason}")
        case _:
            raise ModelTransientError(f"{what}: its process has ended; look into {str(log)!r}")


def _read(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close its standard input, which ends it; kill it if it does not heed that."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_CLOSE_S):
            await process.wait()
    except BaseException as error:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if not isinstance(error, TimeoutError):
            raise
