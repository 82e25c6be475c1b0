"""The tools that change files: write, edit, delete.

Each shows what it will do as a diff with the hash of what it is based on. A call is bound to what
was shown, and to nothing else: a file that is another by then is not touched. A try after a crash
finds its work done by the hash of what it was to leave behind, and reports it. That is why they
declare no `preconditions`, which are looked at before a call, apart from it: a file that the lost
try has changed would be no longer what was allowed, and a person be asked for what is done.
"""

from typing import NamedTuple

from pydantic import JsonValue

from quarterdeck_kernel.errors import PermanentToolError
from quarterdeck_kernel.tools.builtin.bounds import EDITS, FILE_BYTES
from quarterdeck_kernel.tools.builtin.diff import diff_of
from quarterdeck_kernel.tools.builtin.edits import Edit, edited
from quarterdeck_kernel.tools.builtin.place import Place, place
from quarterdeck_kernel.tools.builtin.root import Root
from quarterdeck_kernel.tools.builtin.text import Codec, Encoding, codec_of
from quarterdeck_kernel.tools.context import ToolContext
from quarterdeck_kernel.tools.plain import shown
from quarterdeck_kernel.tools.probe_answer import CANNOT_TELL, NOT_DONE, Done, ProbeAnswer
from quarterdeck_kernel.tools.report import sha256_of
from quarterdeck_kernel.tools.tool import Tool
from quarterdeck_kernel.tools.tool_of import tool_of

_DRAFT_CHARS = 24


class Bound(NamedTuple):
    """What a call is bound to: the hashes of the file before and after it; None is no file."""

    base: str | None
    after: str | None


def bound_of(preview: JsonValue) -> Bound | None:
    """Return what was shown before the call, if anything was."""
    if not isinstance(preview, dict):
        return None
    base, after = preview.get("base"), preview.get("after")
    return Bound(base if isinstance(base, str) else None, after if isinstance(after, str) else None)


class Changes:
    """What the three tools do."""

    def __init__(self, root: Root) -> None:
        self._root = root

    # -- writing a file

    def write_file(
        self,
        context: ToolContext,
        path: str,
        text: str,
        base_sha256: str | None = None,
        encoding: Encoding = "auto",
    ) -> dict[str, JsonValue]:
        """Write a whole text file: a new one, or in place of the one there is.

        Args:
            path: the file, from the root on; folders on the way to it are made
            text: all that the file is to hold
            base_sha256: only if the file holds this now, as read_file says
            encoding: how to write it; auto is UTF-8
        """
        return self._change(context, path, _encoded(text, encoding, path), base_sha256)

    def preview_write(
        self, path: str, text: str, base_sha256: str | None, encoding: Encoding
    ) -> dict[str, JsonValue]:
        """Show what writing would change."""
        content = _encoded(text, encoding, path)
        before = self._content(path)
        _check_base(path, before, base_sha256)
        return _preview(path, before, content, text)

    # -- editing a file

    def edit_file(
        self,
        context: ToolContext,
        path: str,
        edits: list[Edit],
        base_sha256: str | None = None,
        encoding: Encoding = "auto",
    ) -> dict[str, JsonValue]:
        """Replace pieces of a text file, exactly; all of them or none.

        Args:
            path: the file, from the root on
            edits: what to replace by what, one after the other
            base_sha256: only if the file holds this now, as read_file says
            encoding: how the file is written, where that is not UTF-8
        """
        bound = bound_of(context.preview)
        with place(self._root, path) as here:
            if bound is not None and here.sha256 == bound.after:
                return _done_before(here, bound, context)
            before = _there(here.content, path)
            _check_bound(here, bound, base_sha256)
            content = _edited(before, edits, encoding, path)
            return _replaced(here, content, context)

    def preview_edit(
        self, path: str, edits: list[Edit], base_sha256: str | None, encoding: Encoding
    ) -> dict[str, JsonValue]:
        """Show what editing would change."""
        before = _there(self._content(path), path)
        _check_base(path, before, base_sha256)
        content = _edited(before, edits, encoding, path)
        codec = codec_of(before, encoding, path)
        return _preview(path, before, content, codec.decode(content, path), codec)

    # -- deleting a file

    def delete_file(
        self, context: ToolContext, path: str, base_sha256: str | None = None
    ) -> dict[str, JsonValue]:
        """Delete a file. What it held is kept, so that a person can restore it.

        Args:
            path: the file, from the root on
            base_sha256: only if the file holds this now, as read_file says
        """
        return self._change(context, path, None, base_sha256)

    def preview_delete(self, path: str, base_sha256: str | None) -> dict[str, JsonValue]:
        """Show what would be deleted."""
        before = _there(self._content(path), path)
        _check_base(path, before, base_sha256)
        return _preview(path, before, None, None)

    # -- what they share

    def probe(self, context: ToolContext, path: str) -> ProbeAnswer:
        """Tell by the file's hash whether a call has been made."""
        bound = bound_of(context.preview)
        if bound is None:
            return CANNOT_TELL
        with place(self._root, path) as here:
            if here.sha256 == bound.after:
                return Done(_told(here.path, bound, here.content))
            return NOT_DONE if here.sha256 == bound.base else CANNOT_TELL

    def _content(self, path: str) -> bytes | None:
        folders, _ = self._root.file_parts(path)
        try:
            with place(self._root, path) as here:
                return here.content
        except PermanentToolError as error:
            if isinstance(error.__cause__, FileNotFoundError) and folders:
                return None
            raise

    def _change(
        self, context: ToolContext, path: str, content: bytes | None, base: str | None
    ) -> dict[str, JsonValue]:
        bound = bound_of(context.preview)
        with place(self._root, path, create=content is not None) as here:
            after = None if content is None else sha256_of(content)
            if here.sha256 == after and (content is not None or bound is not None):
                return _done_before(here, bound, context)
            if content is None:
                _there(here.content, path)
            _check_bound(here, bound, base)
            return _replaced(here, content, context)


def change_files_tools(root: Root) -> tuple[Tool, ...]:
    """Return the tools."""
    changes = Changes(root)
    return (
        tool_of(
            changes.write_file,
            effect="idempotent",
            capability="write_files",
            risk="medium",
            version="1",
            timeout_s=60,
            preview=changes.preview_write,
            probe=changes.probe,
        ),
        tool_of(
            changes.edit_file,
            effect="idempotent",
            capability="write_files",
            risk="medium",
            version="1",
            timeout_s=60,
            preview=changes.preview_edit,
            probe=changes.probe,
        ),
        tool_of(
            changes.delete_file,
            effect="idempotent",
            capability="write_files",
            risk="high",
            version="1",
            timeout_s=60,
            preview=changes.preview_delete,
            probe=changes.probe,
        ),
    )


def _encoded(text: str, encoding: Encoding, path: str) -> bytes:
    content = Codec("utf-8" if encoding == "auto" else encoding).encode(text)
    return _bounded(content, path)


def _edited(before: bytes, edits: list[Edit], encoding: Encoding, path: str) -> bytes:
    if len(edits) > EDITS:
        raise PermanentToolError(f"{len(edits)} edits in one call; make at most {EDITS}")
    codec = codec_of(before, encoding, path)
    return _bounded(codec.encode(edited(codec.decode(before, path), edits, path)), path)


def _bounded(content: bytes, path: str) -> bytes:
    if len(content) > FILE_BYTES:
        raise PermanentToolError(
            f"{shown(path)} would have {len(content):,} bytes; at most {FILE_BYTES:,} are written"
        )
    return content


def _there(content: bytes | None, path: str) -> bytes:
    if content is None:
        raise PermanentToolError(f"there is no {shown(path)}; list_files shows what there is")
    return content


def _check_base(path: str, content: bytes | None, base: str | None) -> None:
    now = None if content is None else sha256_of(content)
    if base is not None and now != base.lower():
        raise PermanentToolError(
            f"{shown(path)} does not hold what base_sha256 says: {_said(now)}; read it again"
        )


def _check_bound(here: Place, bound: Bound | None, base: str | None) -> None:
    """Refuse to change a file that is not the one which was asked about, or shown."""
    _check_base(here.path, here.content, base)
    if bound is not None and here.sha256 != bound.base:
        raise PermanentToolError(
            f"{shown(here.path)} has changed since this call was judged: {_said(here.sha256)}; "
            "read it again, and call again"
        )


def _said(now: str | None) -> str:
    return "there is no such file" if now is None else f"its sha256 is {now}"


def _replaced(here: Place, content: bytes | None, context: ToolContext) -> dict[str, JsonValue]:
    before = here.sha256
    after = None if content is None else sha256_of(content)
    if before != after:
        here.replace(content, context.report, draft=context.idempotency_key[:_DRAFT_CHARS])
    return _told(here.path, Bound(before, after), content)


def _done_before(here: Place, bound: Bound | None, context: ToolContext) -> dict[str, JsonValue]:
    """Report what an earlier try has done; on the first one the file just is as it should be."""
    now = Bound(here.sha256, here.sha256)
    if bound is not None and bound.base != bound.after:
        now = Bound(bound.base, here.sha256)
        if context.attempt > 1:
            here.made_before(bound.base, context.report)
    return _told(here.path, now, here.content)


def _told(path: str, bound: Bound, content: bytes | None) -> dict[str, JsonValue]:
    return {
        "path": path,
        "before_sha256": bound.base,
        "sha256": bound.after,
        "size": len(content) if content is not None else None,
    }


def _preview(
    path: str,
    before: bytes | None,
    after: bytes | None,
    text: str | None,
    codec: Codec | None = None,
) -> dict[str, JsonValue]:
    old: str | None = None
    if before is not None:
        try:
            old = (codec or codec_of(before, "auto", path)).decode(before, path)
        except PermanentToolError:
            old = f"({len(before):,} bytes that are no text)\n"
    return {
        "path": path,
        "base": None if before is None else sha256_of(before),
        "after": None if after is None else sha256_of(after),
        "size": len(after) if after is not None else None,
        "diff": diff_of(old, text),
    }
