"""Limits: how much of a kind one turn, one run or one request may use. Counted by the fold."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple, Self, TypeVar

from pydantic import Field

from quarterdeck_kernel.guards.chain import GuardKind
from quarterdeck_kernel.guards.proposed import ProposedCall, ProposedRequest
from quarterdeck_kernel.guards.verdict import ALLOW, Deny, Verdict
from quarterdeck_kernel.vocabulary.model import Value

V = TypeVar("V", bound=Value)

Bound = Annotated[int, Field(strict=True, ge=0)] | None


class StretchLimits(Value):
    """What a stretch of a run (a turn, or all of it) may use."""

    tool_calls: Bound = None
    model_calls: Bound = None
    tokens: Bound = Field(default=None, description="In and out; a request counts by its estimate.")

    def under(self, other: Self) -> Self:
        """Return the lower of each limit."""
        return _lower(self, other)


class RequestLimits(Value):
    """What goes with one model request."""

    tool_calls: Bound = Field(default=None, description="Calls made upon one answer.")
    tokens: Bound = Field(default=None, description="What goes in, by its estimate.")

    def under(self, other: Self) -> Self:
        """Return the lower of each limit."""
        return _lower(self, other)


class Limits(Value):
    """Limits per turn, run and request; None is none."""

    turn: StretchLimits = StretchLimits()
    run: StretchLimits = StretchLimits()
    request: RequestLimits = RequestLimits()

    def under(self, other: Self) -> Self:
        """Return the lower of each limit."""
        return self.model_copy(
            update={
                "turn": self.turn.under(other.turn),
                "run": self.run.under(other.run),
                "request": self.request.under(other.request),
            }
        )


def _lower(mine: V, other: V) -> V:
    lower: dict[str, int | None] = {}
    for name in type(mine).model_fields:
        given = [bound for each in (mine, other) if (bound := getattr(each, name)) is not None]
        lower[name] = min(given, default=None)
    return mine.model_copy(update=lower)


class Use(NamedTuple):
    """What a step would bring one count to, and the limit it must stay within."""

    name: str
    would_be: int
    limit: int | None


class LimitsGuard:
    """Denies what would go over a limit."""

    name = "limits"
    kind: GuardKind = "policy"

    def __init__(self, limits: Limits) -> None:
        """Hold what is counted to these limits."""
        self._limits = limits

    def judge(self, call: ProposedCall, /) -> Verdict:
        """Deny a call too many. Those that go before it in its batch count."""
        limits, state = self._limits, call.state
        # As if the call, and those ahead of it, had been made.
        calls = state.spend.tool_calls + len(call.ahead) + 1
        return _verdict(
            Use("turn.tool_calls", calls - state.turn_began.tool_calls, limits.turn.tool_calls),
            Use("run.tool_calls", calls, limits.run.tool_calls),
            Use(
                "request.tool_calls",
                calls - state.answer_came.tool_calls,
                limits.request.tool_calls,
            ),
        )

    def judge_request(self, request: ProposedRequest, /) -> Verdict:
        """Deny a request too many, or one too large."""
        return _verdict(*self._uses(request))

    def _uses(self, request: ProposedRequest) -> Iterator[Use]:
        limits, spend, began = self._limits, request.state.spend, request.state.turn_began
        calls, tokens = spend.model_calls + 1, spend.tokens + request.tokens
        yield Use("turn.model_calls", calls - began.model_calls, limits.turn.model_calls)
        yield Use("run.model_calls", calls, limits.run.model_calls)
        yield Use("turn.tokens", tokens - began.tokens, limits.turn.tokens)
        yield Use("run.tokens", tokens, limits.run.tokens)
        yield Use("request.tokens", request.tokens, limits.request.tokens)


def _verdict(*uses: Use) -> Verdict:
    for use in uses:
        if use.limit is not None and use.would_be > use.limit:
            stretch, _, what = use.name.partition(".")
            reason = (
                f"this {stretch} may use {use.limit:,} {what.replace('_', ' ')}, "
                f"and this would make it {use.would_be:,}"
            )
            return Deny(reason=reason, rule=f"limits.{use.name}")
    return ALLOW
