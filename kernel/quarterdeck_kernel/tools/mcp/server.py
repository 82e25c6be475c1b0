"""How an MCP server is reached, as settings say it. Secrets are named, and never stand here."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.words import Effect

ServerName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,30}$")]


class _Server(Value):
    """What is the same for all servers.

    `effects` says of tools what the server does not, or is not believed about: without
    `trust_hints` every other tool is `once`.
    """

    name: ServerName
    trust_hints: bool = True
    effects: Mapping[str, Effect] = {}
    connect_s: float = Field(default=20.0, gt=0)
    call_s: float = Field(default=120.0, gt=0)


class StdioServer(_Server):
    """A program that is started, and spoken to over its input and output.

    `secrets` names a secret for a variable of its environment; it sees hardly any other variables.
    """

    transport: Literal["stdio"] = "stdio"
    command: str
    args: tuple[str, ...] = ()
    folder: str | None = None
    environment: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}


class HttpServer(_Server):
    """A server that is asked over streamable HTTP. `secrets` names a secret for a header."""

    transport: Literal["http"] = "http"
    url: str
    headers: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}


McpServer = StdioServer | HttpServer
