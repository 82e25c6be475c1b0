"""What went wrong, from whatever LiteLLM raised: by status, not by class.

LiteLLM's classes and statuses contradict each other (a 403 is an APIError, an Anthropic 529 is
called 500, a broken answer 500 too), so the provider's own response is looked for among the causes.
Its messages hold tracebacks and whole conversations: only what the provider said is kept.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import (
    ContextOverflowError,
    ModelError,
    ModelPermanentError,
    ModelTimeoutError,
    ModelTransientError,
)

if TYPE_CHECKING:
    import httpx

_SHOWN_CHARS: Final = 400
_CAUSES: Final = 20
_OVERFLOW_STATUSES: Final = frozenset({None, 400, 413, 422})
_OVERFLOW: Final = re.compile(
    r"context.{0,10}(?:length|window|size)|prompt is too long|input is too long|too many tokens"
    r"|maximum input length|request_too_large",
    re.IGNORECASE,
)
_NOISE: Final = re.compile(
    r"Traceback \(most recent call last\)|Received Messages=|Original exception:"
    r"|Original Response:|Handle with `",
)
_NO_PROVIDER: Final = "LLM Provider NOT provided"
_PREFIX: Final = re.compile(r"^(?:(?:litellm\.)?[A-Z]\w*(?:Error|Exception|Timeout)\s*[-:]\s*)+")
_TIMEOUT_STATUSES: Final = frozenset({408, 504})
_TRANSIENT_STATUSES: Final = frozenset({409, 429})
_SERVER_ERROR: Final = 500
_RETRY_MS: Final = ("retry-after-ms", "x-ms-retry-after-ms")


def failure_of(
    error: Exception, *, model: str, secrets: tuple[str, ...], clock: Clock
) -> ModelError:
    """Return the failure to raise in place of an error, and without it among its causes."""
    causes = list(_causes(error))
    response = _response(causes)
    status = response.status_code if response is not None else _stated_status(causes)
    said = _said(causes, response)
    kind = _kind(causes, status, said)
    about = "" if status is None else f" with status {status}"
    return kind(
        _without(secrets, f"{model!r} failed{about}: {said}"),
        status=status,
        retry_after_us=_retry_after_us(_headers(causes, response), clock),
    )


def _kind(causes: list[BaseException], status: int | None, said: str) -> type[ModelError]:
    names = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    if "ContextWindowExceededError" in names or (
        status in _OVERFLOW_STATUSES and _OVERFLOW.search(said)
    ):
        return ContextOverflowError
    if status in _TIMEOUT_STATUSES or (
        status is None and names & {"TimeoutError", "TimeoutException", "APITimeoutError"}
    ):
        return ModelTimeoutError
    if status is None:
        # No connection, or an answer that cannot be read: only a missing module stays missing.
        return ModelPermanentError if "ImportError" in names else ModelTransientError
    if status in _TRANSIENT_STATUSES or status >= _SERVER_ERROR:
        return ModelTransientError
    return ModelPermanentError


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, outermost first."""
    following: BaseException | None = error
    for _ in range(_CAUSES):
        if following is None:
            return
        yield following
        original = getattr(following, "original_exception", None)
        if isinstance(original, BaseException) and original is not following:
            yield original
        following = following.__cause__ or following.__context__


def _response(causes: list[BaseException]) -> "httpx.Response | None":
    import httpx  # noqa: PLC0415 - loaded with LiteLLM; nothing of the kernel loads it before

    for cause in causes:
        if isinstance(cause, httpx.HTTPStatusError):
            return cause.response
    return None


def _stated_status(causes: list[BaseException]) -> int | None:
    """Return what LiteLLM itself refused with; 500 is what it calls having had no response."""
    stated = getattr(causes[0], "status_code", None)
    return stated if isinstance(stated, int) and stated < _SERVER_ERROR else None


def _said(causes: list[BaseException], response: "httpx.Response | None") -> str:
    """Return the provider's own words, or else the least noisy of LiteLLM's."""
    body = _body_text(response)
    if body:
        return _shown(_from_json(body))
    innermost = causes[-1]
    if isinstance(innermost, OSError):
        return _shown(f"no connection: {type(innermost).__name__}: {innermost}")
    if len(causes) > 1 and isinstance(innermost, ImportError | LookupError | TypeError):
        return _shown(f"LiteLLM cannot go on: {type(innermost).__name__}: {innermost}")
    if _NO_PROVIDER in str(causes[0]):
        return (
            "nobody is known to have this model; name it as PROVIDER/MODEL, or describe it under "
            "[models] in quarterdeck.toml"
        )
    text = _shown(_PREFIX.sub("", _NOISE.split(str(causes[0]), maxsplit=1)[0]))
    return text or type(innermost).__name__


def _body_text(response: "httpx.Response | None") -> str:
    if response is None:
        return ""
    try:
        return response.text
    except RuntimeError:  # httpx: the body of a stream was not read
        return ""


def _from_json(body: str) -> str:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for _ in range(2):
        if not isinstance(parsed, dict):
            break
        kind = parsed.get("type") or parsed.get("code")
        message = parsed.get("message") or parsed.get("detail")
        if isinstance(message, str):
            return f"{message} ({kind})" if isinstance(kind, str) else message
        parsed = parsed.get("error")
    return parsed if isinstance(parsed, str) else body


def _shown(text: str) -> str:
    """Return text on one line, of bounded length, and with nothing that a terminal would obey."""
    line = " ".join(text.split())
    plain = "".join(character for character in line if character.isprintable())
    return plain if len(plain) <= _SHOWN_CHARS else f"{plain[:_SHOWN_CHARS]}…"


def _without(secrets: tuple[str, ...], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    return text


def _headers(causes: list[BaseException], response: "httpx.Response | None") -> dict[str, str]:
    found: Mapping[str, str] | None = next(
        (
            headers
            for cause in causes
            if (headers := getattr(cause, "litellm_response_headers", None))
        ),
        response.headers if response is not None else None,
    )
    return {name.lower(): str(text) for name, text in (found or {}).items()}


def _retry_after_us(headers: Mapping[str, str], clock: Clock) -> int | None:
    """Return how long a provider asks to be left alone: milliseconds, seconds, or until a date."""
    for name in _RETRY_MS:
        if name in headers:
            return _whole_us(headers[name], 1_000)
    after = headers.get("retry-after")
    if after is None:
        return None
    seconds_us = _whole_us(after, 1_000_000)
    if seconds_us is not None:
        return seconds_us
    until_us = _date_us(after)
    if until_us is None:
        return None
    # The provider's own clock, where it says what time it is there: ours may be wrong.
    now_us = _date_us(headers.get("date", ""))
    return max(until_us - (clock.now_us() if now_us is None else now_us), 0)


def _whole_us(text: str, unit_us: int) -> int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(int(number * unit_us), 0) if math.isfinite(number) else None


def _date_us(text: str) -> int | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1_000_000)
