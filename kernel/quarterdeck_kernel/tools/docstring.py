"""What a function's docstring says of it and of its parameters, for a model to read.

Understands the three customs there are: Google's `Args:`, numpy's underlined `Parameters`, and
reST's `:param name:`. A docstring that follows none of them is a description as a whole.
"""

import inspect
import re
from dataclasses import dataclass

_GOOGLE = re.compile(r"^(?:Args|Arguments|Parameters|Params):\s*$")
_OTHER_SECTION = re.compile(
    r"^(?:Returns?|Raises|Yields?|Examples?|Notes?|See Also|References|Warnings?|Attributes"
    r"|Todo|Warns|Keyword Args|Other Parameters):\s*$"
)
_GOOGLE_ITEM = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_ITEM = re.compile(r"^(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_REST_PARAMETER = re.compile(r"^:(?:param|parameter|arg|argument|key)\s+(?:[^:]*\s)?(\w+)\s*:(.*)$")
_REST_OTHER = re.compile(r"^:(?:type|return|returns|rtype|raise|raises|except|yield|yields)\b.*:")
_UNDERLINE = re.compile(r"^-{3,}\s*$")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The description before the first section, and what is said of each parameter."""

    description: str
    parameters: dict[str, str]


def read_docstring(text: str | None) -> Docstring:
    """Take a docstring apart; nothing in it is ever an error."""
    description: list[str] = []
    found: dict[str, list[str]] = {}
    section = "text"
    open_names: list[str] = []
    item_indent = 0
    lines = inspect.cleandoc(text or "").splitlines()
    for number, line in enumerate(lines):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if number + 1 < len(lines) and stripped and _UNDERLINE.match(lines[number + 1]):
            section = "numpy" if stripped.lower() == "parameters" else "other"
            open_names = []
        elif _UNDERLINE.match(line) and section != "text":
            continue
        elif indent == 0 and _GOOGLE.match(line):
            section, open_names, item_indent = "google", [], 0
        elif indent == 0 and _OTHER_SECTION.match(line):
            section, open_names = "other", []
        elif item := _REST_PARAMETER.match(line):
            section, open_names = "rest", [item[1]]
            found[item[1]] = [item[2].strip()]
        elif _REST_OTHER.match(line):
            section, open_names = "rest", []
        elif section == "text":
            description.append(line)
        elif section == "google" and stripped:
            item_indent = item_indent or indent
            item = _GOOGLE_ITEM.match(stripped) if indent == item_indent else None
            if indent == 0:
                section, open_names = "other", []
            elif item:
                open_names = [item[1]]
                found[item[1]] = [item[2]]
            else:
                _continue(found, open_names, stripped)
        elif section == "numpy" and stripped and indent == 0:
            item = _NUMPY_ITEM.match(stripped)
            names = item[1].split(",") if item else []
            open_names = [name.strip().lstrip("*") for name in names]
            found.update({name: [] for name in open_names})
        elif section in {"numpy", "rest"} and stripped and indent:
            _continue(found, open_names, stripped)
    parameters = {name: " ".join(filter(None, said)) for name, said in found.items()}
    return Docstring("\n".join(description).strip(), {k: v for k, v in parameters.items() if v})


def _continue(found: dict[str, list[str]], names: list[str], text: str) -> None:
    for name in names:
        found[name].append(text)
