"""A provider on loopback that answers over real HTTP, and breaks wherever it is told to.

It writes its bytes itself, because no server of a library can be made to stop in the middle of a
chunk, to reset a connection or to send what is no JSON.
"""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

End = Literal["clean", "dropped", "reset", "silent"]
"""How a body ends: as HTTP wants it, with the connection closed or reset before that, or never."""


@dataclass
class Heard:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What is answered: a body in pieces, each of which is a chunk of HTTP of its own."""

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    end: End = "clean"


RESET = Reply(pieces=(), status=0, end="reset")
"""The connection is reset before anything is answered."""

SILENCE = Reply(pieces=(), status=0, end="silent")
"""Nothing is ever answered."""


def as_json(value: object, *, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(pieces=(json.dumps(value).encode(),), status=status, headers=named)


def as_events(events: Iterable[str], *, end: End = "clean") -> Reply:
    pieces = tuple(event.encode() for event in events)
    return Reply(pieces=pieces, content_type="text/event-stream", end=end)


class Loopback:
    """The server: plays replies in order, the last for ever, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.url = ""
        self.asked = asyncio.Event()
        self._replies: deque[Reply] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def play(self, *replies: Reply) -> None:
        self._replies = deque(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await _request(reader))
        self.asked.set()
        reply = self._replies.popleft() if len(self._replies) > 1 else self._replies[0]
        if reply.status:
            headers = {
                "content-type": reply.content_type,
                "transfer-encoding": "chunked",
                "connection": "close",
                **reply.headers,
            }
            lines = [f"HTTP/1.1 {reply.status} Whatever"]
            lines += [f"{name}: {text}" for name, text in headers.items()]
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        for piece in reply.pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        match reply.end:
            case "clean":
                writer.write(b"0\r\n\r\n")
                await writer.drain()
            case "reset":
                # Lingering for no time makes the kernel send RST instead of FIN.
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case "silent":
                await asyncio.get_running_loop().create_future()
            case "dropped":
                pass


async def _request(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {
        name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)
    }
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    return Heard(path=first.split()[1], headers=headers, body=json.loads(content or b"{}"))


@asynccontextmanager
async def loopback() -> AsyncIterator[Loopback]:
    provider = Loopback()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
        await provider.stop()
        await server.wait_closed()


def unused_url() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"
