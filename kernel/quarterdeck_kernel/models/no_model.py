"""What stands in for a model where there is none: what is on record can be replayed without."""

from typing import NoReturn

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.models.port import ModelAnswer, ModelRequest, TextListener


class NoModel:
    """Implements `port.ModelPort` by saying how to get one."""

    async def complete(
        self,
        request: ModelRequest,  # noqa: ARG002 - there is nobody to ask
        *,
        listener: TextListener | None = None,  # noqa: ARG002
    ) -> ModelAnswer:
        """Refuse."""
        _refuse()

    def window_tokens(self, model: str) -> int | None:  # noqa: ARG002
        """Refuse: it is asked before anything is written."""
        _refuse()

    async def close(self) -> None:
        """Let go of nothing."""


def _refuse() -> NoReturn:
    raise InvalidError("this kernel has no model; open it with Kernel.open(..., model=...)")
