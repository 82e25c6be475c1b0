"""Every place of the app where something runs beside the screen, read from its source.

What runs there is known by what it is called: the words a notice of its failure begins with. `…`
stands for what is only known once it runs.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import quarterdeck

PACKAGE = Path(quarterdeck.__file__).parent
_LABEL_AT = {"work": 0, "beside": 1, "_do": 0, "read_here": 0}
"""How work is begun, and which argument says what it is."""
_TOLD = {"failure", "_stumble", "_tell"}
"""How what goes wrong in the link is told; the first argument says what it was."""


def _parsed(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    for folder in folders:
        for file in [PACKAGE / folder] if folder.endswith(".py") else (PACKAGE / folder).glob("*"):
            if file.suffix == ".py":
                tree = ast.parse(file.read_text(encoding="utf-8"))
                for node in ast.walk(tree):
                    yield file.relative_to(PACKAGE).as_posix(), node


def _labels(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(_labels(part)[0] for part in parts)]
        case ast.FormattedValue():
            return ["…"]
        case ast.IfExp(body=one, orelse=other):
            return [*_labels(one), *_labels(other)]
        case _:
            return []


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def on_the_screen() -> set[str]:
    """Return what is begun by screens, dialogs, widgets and the app."""
    found = set()
    for _, node in _parsed("app.py", "screens", "dialogs", "widgets"):
        if isinstance(node, ast.Call) and _name(node) in _LABEL_AT:
            found |= set(_labels(node.args[_LABEL_AT[_name(node)]]))
    return found


def in_the_link() -> set[str]:
    """Return what is told of what runs in the link, and what reads there for ever."""
    found = set()
    for _, node in _parsed("kernel_link"):
        if isinstance(node, ast.Call) and _name(node) in _TOLD and node.args:
            found |= set(_labels(node.args[0]))
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "readers":
            assert isinstance(node.value, ast.Dict)
            found |= {label for key in node.value.keys if key for label in _labels(key)}
    return found


def tasks() -> dict[str, set[str]]:
    """Return by file what is made a task, a thread's work or a worker of Textual's, as written."""
    found: dict[str, set[str]] = {}
    for file, node in _parsed("app.py", "screens", "dialogs", "widgets", "kernel_link"):
        if isinstance(node, ast.Call) and _name(node) in {"create_task", "run_worker"}:
            found.setdefault(file, set()).add(ast.unparse(node.args[0]))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            "work" in ast.unparse(decorator).split(".") for decorator in node.decorator_list
        ):
            found.setdefault(file, set()).add(f"@work {node.name}")
    return found


def fits(label: str, site: str) -> bool:
    """Tell whether something that ran is what is called so."""
    return bool(re.fullmatch(".+".join(map(re.escape, site.split("…"))), label))
