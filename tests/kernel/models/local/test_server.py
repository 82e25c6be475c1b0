"""The process that serves a local model: real processes and real HTTP, no model."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from quarterdeck_kernel.errors import (
    ContextOverflowError,
    ModelPermanentError,
    ModelTransientError,
    QuarterdeckError,
)
from quarterdeck_kernel.models.local.model import LocalModel
from quarterdeck_kernel.models.local.server import LocalServer
from quarterdeck_kernel.models.port import ModelRequest
from quarterdeck_kernel.vocabulary.messages import Message, ToolSchema

Made = Callable[[str], Path]
ASKED = ModelRequest(model="local", messages=(Message(role="user", text="Hello."),))
FINISH = ToolSchema(
    name="finish",
    description="End.",
    parameters={"type": "object", "properties": {"answer": {"type": "string"}}},
)
OWNER = """
import asyncio, sys
from pathlib import Path
from quarterdeck_kernel.models.local.server import LocalServer
async def main():
    server = await LocalServer.start(Path(sys.argv[1]), window_tokens=64, log=Path(sys.argv[2]))
    print(server.url, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def ended(url: str) -> bool:
    """Tell whether nobody listens there any more."""
    parts = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except ConnectionError:
        return True
    writer.close()
    await writer.wait_closed()
    return False


@pytest.mark.usefixtures("stand_in")
async def test_a_local_model_answers_calls_and_costs_nothing(gguf: Made, tmp_path: Path) -> None:
    model = LocalModel(gguf(""), window_tokens=4_096, log=tmp_path / "log" / "local.log")
    try:
        answer = await model.complete(ASKED)
        assert (answer.message.text, answer.model, answer.cost_micros) == (
            "Good morning.",
            "local",
            0,
        )
        called = await model.complete(ASKED.model_copy(update={"tools": (FINISH,)}))
        (call,) = called.message.tool_calls
        assert (call.tool, call.arguments) == ("finish", '{"answer":"aye"}')
        assert called.finish_reason == "tool_calls"
        assert model.window_tokens("local") == 4_096
        server = model._server
        assert server is not None
    finally:
        await model.close()
    assert server.exit_code == 0
    assert await ended(server.url)
    log = (tmp_path / "log" / "local.log").read_text()
    assert "loading" in log
    assert server.api_key not in log


@pytest.mark.usefixtures("stand_in")
async def test_a_server_that_dies_is_started_again_with_the_next_try(
    gguf: Made, tmp_path: Path
) -> None:
    file = gguf("dies")
    model = LocalModel(file, log=tmp_path / "local.log")
    try:
        with pytest.raises(ModelTransientError, match="has ended with 7"):
            await model.complete(ASKED)
        file.write_text("GGUF")
        assert (await model.complete(ASKED)).message.text == "Good morning."
    finally:
        await model.close()


@pytest.mark.usefixtures("stand_in")
async def test_a_request_beyond_the_window_is_known_as_one(gguf: Made, tmp_path: Path) -> None:
    model = LocalModel(gguf("small"), log=tmp_path / "local.log")
    try:
        with pytest.raises(ContextOverflowError):
            await model.complete(ASKED)
    finally:
        await model.close()


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("mode", "error", "said"),
    [
        ("broken", ModelPermanentError, "failed to load the model"),
        ("crashes", ModelTransientError, "its process has ended; look into"),
        ("never", ModelPermanentError, "was not ready within 0.3 s"),
    ],
)
async def test_what_cannot_be_served_is_said_in_time(
    gguf: Made, tmp_path: Path, mode: str, error: type[QuarterdeckError], said: str
) -> None:
    with pytest.raises(error, match=said):
        await LocalServer.start(
            gguf(mode),
            window_tokens=64,
            log=tmp_path / "log",
            start_s=0.3 if mode == "never" else 60,
        )


@pytest.mark.parametrize(
    ("content", "said"), [(b"PK\x03\x04", "is no GGUF file"), (None, "cannot be read")]
)
async def test_what_is_no_model_is_refused_before_a_process_is_started(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "model.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelPermanentError, match=said):
        await LocalServer.start(file, window_tokens=64, log=tmp_path / "log")
    assert not (tmp_path / "log").exists()


async def test_without_the_extra_it_is_said_what_to_install(
    gguf: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError(name='xllamacpp')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ModelPermanentError, match="python -m pip install xllamacpp"):
        await LocalServer.start(gguf(""), window_tokens=64, log=tmp_path / "log")


@pytest.mark.usefixtures("stand_in")
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system kills otherwise")
def test_the_server_ends_with_its_owner_even_if_that_is_killed(gguf: Made, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, os.environ["PYTHONPATH"]]),
    }
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(gguf("")), str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert owner.stdout is not None
        parts = urlsplit(owner.stdout.readline().strip())
        assert parts.port is not None
        with socket.create_connection(("127.0.0.1", parts.port), timeout=20) as line:
            owner.kill()
            owner.wait(20)
            # The line is held by the server alone: that it ends is the server's end.
            with suppress(ConnectionResetError):
                assert line.recv(1) == b""
    finally:
        owner.kill()
        owner.communicate()
