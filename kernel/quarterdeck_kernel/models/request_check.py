"""What no provider is sent: refused alike by all of them, before anything is tried."""

from quarterdeck_kernel.errors import InvalidError
from quarterdeck_kernel.models.port import ModelRequest


def check_request(request: ModelRequest) -> None:
    """Refuse a request that breaks the port's terms: the mistake is the caller's, not a model's."""
    if not request.messages:
        message = f"a request to {request.model!r} has no messages; send at least one"
        raise InvalidError(message)
    if request.tools and request.answer_schema is not None:
        names = [tool.name for tool in request.tools]
        message = (
            f"a request to {request.model!r} has both the tools {names!r} and an answer schema; "
            "ask for the structured answer in a call of its own"
        )
        raise InvalidError(message)
