"""The base of every value the kernel records or hands out."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value; a name it does not know is an error, except when an old log is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
