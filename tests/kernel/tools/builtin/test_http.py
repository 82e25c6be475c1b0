"""HTTP: approved by host, kept to it, bounded in time and size, never into a private network."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from quarterdeck_kernel import Tool
from quarterdeck_kernel.errors import (
    PermanentToolError,
    ReconciliationRequiredError,
    RunPausedError,
    TransientToolError,
)
from quarterdeck_kernel.tools.builtin import addresses
from quarterdeck_kernel.tools.builtin.addresses import address_of, target_of
from quarterdeck_kernel.tools.builtin.bounds import BODY_CHARS
from quarterdeck_kernel.tools.builtin.http import http_tools
from tests.kernel.engine.deck import events, kernel_of, story
from tests.kernel.tools.builtin.engine import EVERYTHING, Asks
from tests.kernel.tools.builtin.hands import call, refusal
from tests.kernel.tools.builtin.web import Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as served:
        yield served


def tools(web: Web, limit_s: float = 20) -> tuple[Tool, ...]:
    return http_tools(private_hosts=[web.host, "localhost"], limit_s=limit_s)


async def test_what_is_at_a_url_is_fetched(web: Web) -> None:
    get, _ = tools(web)
    told = await call(get, url=web.url("/text?a=1"), headers={"X-Asked-By": "ada"})
    assert told == {
        "url": web.url("/text?a=1"),
        "status": 200,
        "headers": {"content-type": "text/plain"},
        "text": "hello",
    }
    ((method, path, headers, _),) = web.asked
    assert (method, path, headers["Host"], headers["X-Asked-By"]) == (
        "GET", "/text?a=1", web.host, "ada",
    )  # fmt: skip
    assert "text" not in await call(get, url=web.url("/text"), method="HEAD")


async def test_it_is_asked_by_its_name_and_called_by_its_address(web: Web) -> None:
    get, _ = tools(web)
    assert (await call(get, url=web.url("/", "localhost")))["text"] == "hello"
    assert web.asked[0][2]["Host"] == f"localhost:{web.port}"


async def test_answers_are_text_of_bounded_size(web: Web) -> None:
    get, _ = tools(web)
    huge = await call(get, url=web.url("/huge"))
    assert (len(huge["text"]), huge["cut"]) == (BODY_CHARS, True)
    assert (await call(get, url=web.url("/latin")))["text"] == "größer"
    assert (await call(get, url=web.url("/odd")))["text"] == "fine"
    assert "image/png" in (await call(get, url=web.url("/picture")))["not_shown"]
    broken = await call(get, url=web.url("/broken"))
    assert (broken["status"], broken["text"]) == (500, "oh no")


async def test_redirects_are_shown_bounded_and_stay_on_the_host(web: Web) -> None:
    get, send = tools(web)
    told = await call(get, url=web.url("/hop?1"))
    assert (told["text"], told["redirects"]) == ("hello", [web.url("/hop?0"), web.url("/text")])
    told = await call(get, url=web.url("/hop?99"))
    assert (told["status"], len(told["redirects"])) == (302, 5)
    assert "redirect 6" in told["not_followed"]
    for path in ("/away", "/other-port"):
        assert "another host" in (await call(get, url=web.url(path)))["not_followed"]
    web.asked.clear()
    told = await call(send, url=web.url("/hop?1"), body="{}")
    assert (told["status"], len(web.asked)) == (302, 1)


PRIVATE = [
    "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://10.1.2.3/",
    "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data", "http://0.0.0.0/",
    "http://[::ffff:127.0.0.1]/", "http://[fd00::1]/", "http://[fe80::1]/", "http://2130706433/",
    "http://0x7f.1/", "http://100.64.0.1/", "http://[2002:7f00:1::]/", "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::10.0.0.1]/", "http://[::127.0.0.1]/", "http://224.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_private_networks_are_not_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numeric = {"2130706433": "127.0.0.1", "0x7f.1": "127.0.0.1", "localhost": "127.0.0.1"}

    def look_up(host: str, port: int, **_more: Any) -> list[Any]:  # noqa: ANN401
        return [(None, None, None, "", (numeric.get(host, host), port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(PermanentToolError, match="private network"):
        address_of(target_of(url), ())


def test_a_name_with_one_private_address_among_others_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(None, None, None, "", (one, 80)) for one in ("93.184.216.34", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
    with pytest.raises(PermanentToolError, match="private network"):
        address_of(target_of("http://example.test/"), ())
    assert address_of(target_of("http://example.test/"), ["example.test"]) == "93.184.216.34"


async def test_a_name_that_is_looked_up_again_leads_nowhere_else(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers for a name may say something else the second time: it is not asked again."""
    asked = []
    real = socket.getaddrinfo

    def rebinding(host: Any, *more: Any, **named: Any) -> Any:  # noqa: ANN401
        asked.append(host)
        return real("127.0.0.1" if host == "rebound.test" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    get, _ = http_tools(private_hosts=["rebound.test"])
    assert (await call(get, url=web.url("/", "rebound.test")))["text"] == "hello"
    assert asked.count("rebound.test") == 1
    assert set(asked) <= {"rebound.test", "127.0.0.1"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "no URL of http"),
        ("ftp://example.test/", "no URL of http"),
        ("http://", "no URL of http"),
        ("nonsense", "no URL of http"),
        ("http://ada:pass@example.test/", "password"),
        ("http://a\nb/", "no usable URL"),
        ("http://[::1/", "no URL"),
        ("http://example.test:99999/", "no URL"),
        ("http://example.test/" + "x" * 9_000, "no usable URL"),
    ],
)
async def test_what_is_no_url_is_refused(web: Web, url: str, said: str) -> None:
    for tool in tools(web):
        assert said in await refusal(tool, url=url)


async def test_headers_that_would_smuggle_something_are_refused(web: Web) -> None:
    for tool in tools(web):
        for headers in ({"A": "b\r\nC: d"}, {"Host": "x"}, {"A b": "c"}, {"Content-Length": "1"}):
            await refusal(tool, url=web.url("/"), headers=headers)
    assert web.asked == []


async def test_whoever_cannot_be_reached_may_be_later() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    get, send = http_tools(private_hosts=["127.0.0.1"])
    for tool in (get, send):
        with pytest.raises(TransientToolError, match="cannot be reached"):
            await call(tool, url=f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("path", ["/never", "/drip"])
async def test_no_answer_is_waited_for_for_ever(web: Web, path: str) -> None:
    get, _ = tools(web, limit_s=0.3)
    began = time.monotonic()
    with pytest.raises(Exception, match=r"timed out|took more"):
        await call(get, url=web.url(path))
    assert time.monotonic() - began < 10


async def test_a_person_approves_the_host_and_what_is_sent_is_sent_once(web: Web) -> None:
    asked = {"url": web.url("/pay"), "body": '{"amount": 3}'}
    wiring: dict[str, Any] = {"tenants": [EVERYTHING], "guards": [Asks("http")]}
    async with kernel_of(*tools(web), **wiring) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(RunPausedError) as paused:
            await kernel.step_tool(run=run, step_key="s", tool="http_send", arguments=asked)
        assert web.asked == []
        question: Any = (await events(kernel, run))[-1].payload
        preview = question.details["preview"]
        assert (preview["host"], preview["body"]) == (web.host, '{"amount": 3}')
        await kernel.resume(run, paused.value.pause_id, decision="approved")
        for _ in range(2):
            await kernel.step_tool(run=run, step_key="s", tool="http_send", arguments=asked)
        ((method, path, headers, body),) = web.asked
        assert (method, path, body) == ("POST", "/pay", b'{"amount": 3}')
        assert len(headers["Idempotency-Key"]) == 40


async def test_what_was_sent_without_an_answer_is_unknown(web: Web) -> None:
    asked = {"url": web.url("/hang-up")}
    async with kernel_of(*tools(web), tenants=[EVERYTHING]) as kernel:
        run = await kernel.start_run(agent="purser")
        with pytest.raises(ReconciliationRequiredError):
            await kernel.step_tool(run=run, step_key="s", tool="http_send", arguments=asked)
        assert await story(kernel, run) == ["intent 1", "unknown_outcome"]
        assert len(web.asked) == 1


async def test_without_the_judgement_of_addresses_a_private_machine_would_answer(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant."""
    get, _ = http_tools()
    assert "private network" in await refusal(get, url=web.url("/"))
    monkeypatch.setattr(addresses, "_is_public", lambda _address: True)
    assert (await call(get, url=web.url("/")))["text"] == "hello"
