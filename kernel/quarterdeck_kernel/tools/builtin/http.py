"""The tools that ask other machines over HTTP.

An approval is about a host: nobody is led from there to another one. What an answer may take is
bounded in time and size.
"""

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urljoin

from pydantic import JsonValue

from quarterdeck_kernel.errors import PermanentToolError, TransientToolError
from quarterdeck_kernel.tools.builtin.addresses import Target, address_of, target_of
from quarterdeck_kernel.tools.builtin.bounds import BODY_BYTES, BODY_CHARS, HTTP_S, REDIRECTS
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of

if TYPE_CHECKING:
    import httpx

_SLACK_S = 10.0
_TOLD = ("content-type", "last-modified", "etag", "location", "retry-after")
_OURS = frozenset(
    {
        "host",
        "content-length",
        "connection",
        "transfer-encoding",
        "upgrade",
        "idempotency-key",
        "te",
    }
)
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "+json", "+xml")
_MOVED = frozenset({301, 302, 303, 307, 308})
Headers = dict[str, str]


class Asked(NamedTuple):
    """One request."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None = None


def http_tools(*, private_hosts: Collection[str] = (), limit_s: float = HTTP_S) -> tuple[Tool, ...]:
    """Return the tools. `private_hosts` may be asked though they are of a private network."""
    hosts = frozenset(private_hosts)

    def http_get(
        url: str, method: Literal["GET", "HEAD"] = "GET", headers: Headers | None = None
    ) -> dict[str, JsonValue]:
        """Fetch what is at a URL. Redirects are followed on the same host.

        Args:
            url: the whole URL
            method: HEAD for the headers alone
            headers: headers to send
        """
        return _Fetch(hosts, limit_s).get(target_of(url), Asked(method, _checked(headers)))

    def http_send(
        context: ToolContext,
        url: str,
        body: str = "",
        content_type: str = "application/json",
        method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST",
        headers: Headers | None = None,
    ) -> dict[str, JsonValue]:
        """Send something to a URL, once. Redirects are told and not followed.

        Args:
            url: the whole URL
            body: what to send
            content_type: what the body is
            method: how to send it
            headers: further headers to send
        """
        sent = {
            **_checked(headers),
            **_checked({"Content-Type": content_type}),
            "Idempotency-Key": context.idempotency_key,
        }
        fetch = _Fetch(hosts, limit_s)
        return fetch.answer(target_of(url), Asked(method, sent, body.encode()))

    timeout_s = limit_s + _SLACK_S
    return (
        tool_of(
            http_get,
            effect="read",
            capability="http",
            risk="medium",
            version="1",
            timeout_s=timeout_s,
            preview=_shown,
        ),
        tool_of(
            http_send,
            effect="once",
            capability="http",
            risk="high",
            version="1",
            timeout_s=timeout_s,
            preview=_shown_sending,
        ),
    )


class _Fetch:
    """One call: its requests share a deadline."""

    def __init__(self, private_hosts: Collection[str], limit_s: float) -> None:
        self._private_hosts = private_hosts
        self._limit_s = limit_s
        self._until = time.monotonic() + limit_s

    def get(self, target: Target, asked: Asked) -> dict[str, JsonValue]:
        """Ask, and go where the answer leads to on the same host."""
        led: list[JsonValue] = []
        while True:
            told = self.answer(target, asked)
            headers = told["headers"]
            where = headers.get("location") if isinstance(headers, dict) else None
            if led:
                told["redirects"] = led
            if told["status"] not in _MOVED or not isinstance(where, str):
                return told
            following = target_of(_joined(target.url, where))
            if following.origin != target.origin:
                told["not_followed"] = f"{following.url} is another host; fetch it by itself"
                return told
            if len(led) == REDIRECTS:
                told["not_followed"] = f"this would be redirect {REDIRECTS + 1}"
                return told
            led.append(following.url)
            target = following

    def answer(self, target: Target, asked: Asked) -> dict[str, JsonValue]:
        """Ask once, and return what is kept of the answer."""
        import httpx  # noqa: PLC0415 - most runs never ask anybody

        address = address_of(target, self._private_hosts)
        url = httpx.URL(target.url)
        headers = {
            "User-Agent": "quarterdeck",
            "Accept-Encoding": "identity",
            **asked.headers,
            "Host": url.netloc.decode("ascii"),
        }
        client = httpx.Client(trust_env=False, timeout=self._left_s(), follow_redirects=False)
        with client:
            try:
                with client.stream(
                    asked.method,
                    url.copy_with(host=address),
                    headers=headers,
                    content=asked.body,
                    extensions={"sni_hostname": target.host},
                ) as response:
                    return self._told(target, asked, response)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                # Nothing was sent.
                message = f"{shown(target.host)} cannot be reached: {error}"
                raise TransientToolError(message) from error

    def _told(
        self, target: Target, asked: Asked, response: "httpx.Response"
    ) -> dict[str, JsonValue]:
        content = bytearray()
        cut = False
        for piece in response.iter_bytes():
            content += piece[: BODY_BYTES - len(content)]
            if len(content) == BODY_BYTES:
                cut = True
                break
            if time.monotonic() > self._until:
                raise TimeoutError(f"{target.host} took more than {self._limit_s:g} s to answer")
        told: dict[str, JsonValue] = {
            "url": target.url,
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in _TOLD if name in response.headers},
        }
        if asked.method == "HEAD":
            return told
        kind = response.headers.get("content-type", "text/plain").lower()
        if b"\0" not in content and any(part in kind for part in _TEXT):
            text = bytes(content).decode(_charset(response), errors="replace")
            told["text"] = text[:BODY_CHARS]
            cut = cut or len(text) > BODY_CHARS
        else:
            told["not_shown"] = f"{len(content):,} bytes of {kind}, which is no text"
        if cut:
            told["cut"] = True
        return told

    def _left_s(self) -> float:
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"the request took more than {self._limit_s:g} s")
        return left_s


def _charset(response: "httpx.Response") -> str:
    name = response.charset_encoding or "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


def _joined(url: str, where: str) -> str:
    try:
        return urljoin(url, where)
    except ValueError as error:
        message = f"{shown(url)} leads to {shown(where)}, which is no URL"
        raise PermanentToolError(message) from error


def _shown(url: str, method: str, headers: Headers | None) -> dict[str, JsonValue]:
    """Show whom a request goes to."""
    target = target_of(url)
    return {
        "method": method,
        "host": f"{target.host}:{target.port}",
        "url": url,
        "headers": {**_checked(headers)},
    }


def _shown_sending(
    url: str, method: str, headers: Headers | None, body: str, content_type: str
) -> dict[str, JsonValue]:
    """Show whom a request goes to, and what is sent."""
    _checked({"Content-Type": content_type})
    return {**_shown(url, method, headers), "content_type": content_type, "body": body}


def _checked(headers: Headers | None) -> Headers:
    """Return headers that may be sent, or refuse them."""
    for name, value in (headers or {}).items():
        plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not plain or not value.isascii() or not value.isprintable():
            raise PermanentToolError(f"the header {shown(name)}: {shown(value)} cannot be sent")
        if name.lower() in _OURS:
            raise PermanentToolError(f"the header {shown(name)} is set by the tool; leave it out")
    return dict(headers or {})
