"""Bytes as text, exactly: what is read can be written back as it was, line ends included."""

import codecs
import io
from typing import BinaryIO, Literal, NamedTuple

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.bounds import SNIFFED_BYTES
from quarterdeck_kernel.tools.plain import shown

Encoding = Literal[
    "auto",
    "utf-8",
    "utf-16-le",
    "utf-16-be",
    "latin-1",
    "iso-8859-15",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp437",
    "koi8-r",
    "shift_jis",
    "euc-jp",
    "gb18030",
    "big5",
    "euc-kr",
]
"""`auto` is UTF-8, or what a byte order mark says."""

# The longer mark first: that of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Codec(NamedTuple):
    """How the bytes of one file become text: past the mark, by this encoding."""

    name: str
    mark: bytes = b""

    def encode(self, text: str) -> bytes:
        """Return the bytes of a text, or refuse it."""
        try:
            return self.mark + text.encode(self.name)
        except UnicodeEncodeError as error:
            letter = text[error.start]
            message = f"{letter!r} cannot be written in {self.name}; choose another encoding"
            raise PermanentToolError(message) from error

    def decode(self, content: bytes, path: str) -> str:
        """Return the text of all bytes of a file, or refuse them."""
        try:
            return content[len(self.mark) :].decode(self.name)
        except UnicodeDecodeError as error:
            raise undecodable(error, self, path) from error

    def reader(self, file: BinaryIO) -> io.TextIOWrapper:
        """Return a reader of the text of a file, from its beginning, by line feeds."""
        file.seek(len(self.mark))
        return io.TextIOWrapper(file, encoding=self.name, errors="strict", newline="\n")


def codec_of(head: bytes, encoding: Encoding, path: str) -> Codec:
    """Return how to read a file that begins so, or refuse what is no text."""
    head = head[:SNIFFED_BYTES]
    mark, marked = next(((m, name) for m, name in _MARKS if head.startswith(m)), (b"", ""))
    if encoding != "auto":
        return Codec(encoding, mark if marked == encoding else b"")
    if marked:
        return Codec(marked, mark)
    if b"\0" in head:
        raise PermanentToolError(
            f"{shown(path)} is binary (it holds NUL bytes), and is not read as text; if it is "
            "text, name its encoding"
        )
    codec = Codec("utf-8")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as error:
        raise undecodable(error, codec, path) from error
    return codec


def undecodable(error: UnicodeDecodeError, codec: Codec, path: str) -> PermanentToolError:
    """Return the refusal of bytes that are no text in an encoding."""
    byte = error.object[error.start]
    return PermanentToolError(
        f"{shown(path)} is not {codec.name} text (byte 0x{byte:02x}); if it is text, name its "
        "encoding, such as 'cp1252'; if it is binary, it is not read"
    )
