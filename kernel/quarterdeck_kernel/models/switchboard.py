"""One port to several providers: which one is asked depends on the name of the model."""

from collections.abc import Callable, Mapping

from quarterdeck_kernel.models.port import ModelAnswer, ModelPort, ModelRequest, TextListener
from quarterdeck_kernel.vocabulary.price import Price


class Switchboard:
    """Implements `port.ModelPort`: some models have a provider of their own, the others share one.

    The one that is shared is made when it is first asked: it may take long to load.
    """

    def __init__(self, own: Mapping[str, ModelPort], others: Callable[[], ModelPort]) -> None:
        self._own = own
        self._make = others
        self._others: ModelPort | None = None

    async def complete(
        self, request: ModelRequest, *, listener: TextListener | None = None
    ) -> ModelAnswer:
        """Ask the model's provider."""
        port = self._own.get(request.model) or self._shared()
        return await port.complete(request, listener=listener)

    def window_tokens(self, model: str) -> int | None:
        """Return what the model's provider knows."""
        port = self._own.get(model) or self._others
        return port.window_tokens(model) if port is not None else None

    def price(self, model: str) -> Price | None:
        """Return what the model's provider knows."""
        port = self._own.get(model) or self._others
        return port.price(model) if port is not None else None

    async def close(self) -> None:
        """Close all of them."""
        for port in self._own.values():
            await port.close()
        if self._others is not None:
            await self._others.close()

    def _shared(self) -> ModelPort:
        if self._others is None:
            self._others = self._make()
        return self._others
