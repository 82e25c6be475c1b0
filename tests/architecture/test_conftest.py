"""The guards of conftest hold: a test cannot reach the network or a person's own files."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

# From a block kept for documentation: nothing answers there, should the guard ever fail.
ELSEWHERE = "192.0.2.1"


def test_a_connection_elsewhere_is_refused() -> None:
    with socket.socket() as plain, pytest.raises(RuntimeError, match="loopback"):
        plain.connect((ELSEWHERE, 80))


def test_a_datagram_elsewhere_is_refused() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as plain,
        pytest.raises(RuntimeError, match="loopback"),
    ):
        plain.sendto(b"x", (ELSEWHERE, 9))


def test_a_name_elsewhere_is_not_looked_up() -> None:
    with pytest.raises(RuntimeError, match="loopback"):
        socket.getaddrinfo("example.test", 443)


async def test_asyncio_is_guarded_too() -> None:
    with pytest.raises(RuntimeError, match="loopback"):
        await asyncio.open_connection(ELSEWHERE, 80)


async def test_loopback_is_open() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "localhost", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_unix_socket_is_open(tmp_path: Path) -> None:
    server = await asyncio.start_unix_server(lambda _, writer: writer.close(), tmp_path / "s")
    async with server:
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_the_home_is_an_empty_folder_of_the_tests_own(own_home: Path) -> None:
    assert Path.home() == own_home
    assert list(own_home.iterdir()) == []
    assert not {"NO_COLOR", "TEXTUAL_THEME"} & os.environ.keys()
