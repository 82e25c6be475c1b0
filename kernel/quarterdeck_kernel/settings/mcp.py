"""`[mcp.NAME]`: a server whose tools agents may name, as `NAME__TOOL`.

Secrets never stand in settings: they are named, and looked up when the server is reached.
"""

from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from quarterdeck_kernel.tools.mcp.server import HttpServer, McpServer, ServerName, StdioServer
from quarterdeck_kernel.vocabulary.model import Value
from quarterdeck_kernel.vocabulary.words import Effect

McpName = ServerName

_OF_COMMANDS: Final = ("args", "folder", "environment")
_OF_URLS: Final = ("headers",)

Seconds = Annotated[int, Field(strict=True, ge=1, le=86_400)]


class McpSettings(Value):
    """One server: a `command` that is started, or a `url` that is asked over streamable HTTP."""

    command: str | None = Field(default=None, min_length=1)
    args: tuple[str, ...] = ()
    folder: str | None = Field(default=None, description="Where it is started; else beside this.")
    environment: dict[str, str] = Field(
        default={}, description="Variables for it, as they stand. It sees hardly any others."
    )
    url: str | None = Field(default=None, description="It begins with http:// or https://.")
    headers: dict[str, str] = Field(default={}, description="As they stand.")
    secrets: dict[str, str] = Field(
        default={},
        description="For a variable of a command, or a header of a url: the name of a variable "
        "of Quarterdeck's own environment that holds the secret.",
    )
    effects: dict[str, Effect] = Field(
        default={}, description="What its tools do to the world, where it does not say so itself."
    )
    trust_hints: bool = Field(default=True, description="Whether what it says of them is believed.")
    connect_s: Seconds = 20
    call_s: Seconds = 120

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.command is None) == (self.url is None):
            key = "command" if self.command is None else "url"
            raise _wrong(key, "a server has a `command` or a `url`: write one of them")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise _wrong("url", f"{self.url[:80]!r} is no address; it begins with https://")
        foreign, has = (_OF_URLS, "url") if self.url is None else (_OF_COMMANDS, "command")
        for name in foreign:
            if getattr(self, name):
                raise _wrong(name, f"only a server with a `{has}` has {name!r}")
        return self

    def placed(self, folder: Path) -> Self:
        """Return it with its paths taken from a folder, where it is started, too."""
        if self.command is None:
            return self
        # Whole: it is started in another folder, and a bare name would be looked for elsewhere.
        folder = folder.absolute()
        command = str(folder / self.command) if "/" in self.command else self.command
        return self.model_copy(
            update={"command": command, "folder": str(folder / (self.folder or ""))}
        )

    def under(self, user: Self) -> Self:
        """Return the workspace's way to reach it; it is believed no more than the user believes."""
        return self.model_copy(
            update={
                "trust_hints": self.trust_hints and user.trust_hints,
                "effects": {**self.effects, **user.effects},
            }
        )

    def server(self, name: str) -> McpServer:
        """Return the server that this describes."""
        if self.command is not None:
            return StdioServer(
                name=name,
                command=self.command,
                args=self.args,
                folder=self.folder,
                environment=self.environment,
                secrets=self.secrets,
                effects=self.effects,
                trust_hints=self.trust_hints,
                connect_s=self.connect_s,
                call_s=self.call_s,
            )
        assert self.url is not None, "it has one of both"
        return HttpServer(
            name=name,
            url=self.url,
            headers=self.headers,
            secrets=self.secrets,
            effects=self.effects,
            trust_hints=self.trust_hints,
            connect_s=self.connect_s,
            call_s=self.call_s,
        )


def _wrong(key: str, message: str) -> PydanticCustomError:
    """Return an error that names the key which is wrong."""
    return PydanticCustomError("mcp", "{message}", {"key": key, "message": message})
