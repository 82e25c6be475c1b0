"""A kernel with one tool and one model, at work on runs: what the measures of steps share."""

from decimal import Decimal

from quarterdeck_kernel import (
    Budgets,
    Kernel,
    Message,
    ModelAnswer,
    ModelRequest,
    Run,
    Usage,
    tool_of,
)
from quarterdeck_kernel.models.port import TextListener
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.vocabulary.price import Price
from tests.benchmarks.talk import Prose

_PRICE = Price(input=Decimal("0.1"), output=Decimal("0.4"))
_MESSAGES = 40
"""A conversation of a usual length: what is asked stays as long as a window lets it."""


class Echo:
    """A model that answers at once, with a text of a given size."""

    def __init__(self, content_bytes: int, seed: int = 4) -> None:
        self._text = Prose(seed).text(content_bytes - 12)
        self._number = 0

    async def complete(
        self,
        request: ModelRequest,
        *,
        listener: TextListener | None = None,  # noqa: ARG002 - nobody listens here
    ) -> ModelAnswer:
        """Answer."""
        self._number += 1
        return ModelAnswer(
            message=Message(role="assistant", text=f"{self._number:>10}: {self._text}"),
            finish_reason="stop",
            usage=Usage(input_tokens=100, output_tokens=50),
            cost_micros=10,
            model=request.model,
        )

    def window_tokens(self, model: str) -> int | None:  # noqa: ARG002 - one window for every name
        """Return a window."""
        return 128_000

    def price(self, model: str) -> Price | None:  # noqa: ARG002 - one price for every name
        """Return a price."""
        return _PRICE

    async def close(self) -> None:
        """Let go of nothing."""


async def _write_file(path: str, text: str) -> str:  # noqa: ARG001 - measured is what is around it
    """Write nothing: what is measured is the kernel."""
    return text


class Worker:
    """Makes steps, each with new content."""

    def __init__(
        self,
        store: EventStore,
        content_bytes: int,
        seed: int = 1,
        *,
        budgets: Budgets | None = None,
    ) -> None:
        prose = Prose(seed)
        self._echo = Echo(content_bytes, seed + 1)
        tool = tool_of(_write_file, name="write_file", effect="once", version="1.0.0")
        self.kernel = Kernel(store, model=self._echo, tools=[tool], budgets=budgets or Budgets())
        self._number = 0
        # Made beforehand: what is measured is not the making of texts.
        self._texts = [prose.text(content_bytes - 12) for _ in range(64)]
        self._talks: dict[str, list[Message]] = {}

    def _text(self) -> str:
        return f"{self._number:>10}: {self._texts[self._number % len(self._texts)]}"

    async def tool_step(self, run: Run) -> None:
        """Make one tool step, intent and outcome."""
        self._number += 1
        await self.kernel.step_tool(
            run=run,
            step_key=f"bench/{self._number}",
            tool="write_file",
            arguments={"path": "hold/list.txt", "text": self._text()},
            call_id=f"call-{self._number}",
        )

    async def model_step(self, run: Run) -> None:
        """Ask once, with a conversation that drops its oldest messages when it is long."""
        self._number += 1
        talk = self._talks.setdefault(run.run_id, [Message(role="system", text="Be brief.")])
        talk.append(Message(role="user", text=self._text()))
        if len(talk) > _MESSAGES:
            del talk[1:3]
        answer = await self.kernel.step_model(
            run=run, step_key=f"bench/{self._number}", messages=talk
        )
        talk.append(answer.message)
