"""A provider with what else is known of its models: their prices, their windows."""

from collections.abc import Mapping

from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest, TextListener
from quarterdeck_kernel.vocabulary.price import Price


class DescribedModel:
    """Implements `port.ModelPort` upon another one. What is said here goes before what that says.

    An answer whose cost its provider does not tell costs what its tokens do.
    """

    def __init__(
        self, port: ModelPort, *, prices: Mapping[str, Price], windows: Mapping[str, int]
    ) -> None:
        self._port = port
        self._prices = prices
        self._windows = windows

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Ask, and say what it cost if that is known here alone."""
        answer = await self._port.complete(request, listener=listener)
        price = self._prices.get(request.model)
        if answer.cost_micros is not None or price is None:
            return answer
        usage = answer.usage
        cost = price.micros(usage.input_tokens, usage.output_tokens)
        return answer.model_copy(update={"cost_micros": cost})

    def window_tokens(self, model: str) -> int | None:
        """Return what is said here, else what the provider knows; the smaller where both do."""
        said, known = self._windows.get(model), self._port.window_tokens(model)
        return min(said, known) if said and known else said or known

    def price(self, model: str) -> Price | None:
        """Return what is said here, else what the provider knows."""
        return self._prices.get(model) or self._port.price(model)

    async def close(self) -> None:
        """Close the provider."""
        await self._port.close()
