"""What keys may be: their names, the rules every table of keys keeps, and a person's own keys.

Pure. The same rules judge our defaults and a keymap file; `DEFAULT_RULES` are those that only a
default must keep, because a person knows their own keyboard.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import combinations

from quarterdeck.actions import ACTIONS, BY_ID, CHAINS, SCOPES, TITLES, Action, in_scope

Actions = Sequence[Action]
Rule = Callable[[Actions], list[str]]

_NAMES = {
    "!": "exclamation_mark", '"': "quotation_mark", "#": "number_sign", "$": "dollar_sign",
    "%": "percent_sign", "&": "ampersand", "'": "apostrophe", "(": "left_parenthesis",
    ")": "right_parenthesis", "*": "asterisk", "+": "plus", ",": "comma", "-": "minus",
    ".": "full_stop", "/": "slash", ":": "colon", ";": "semicolon", "<": "less_than_sign",
    "=": "equals_sign", ">": "greater_than_sign", "?": "question_mark", "@": "at",
    "[": "left_square_bracket", "\\": "backslash", "]": "right_square_bracket",
    "^": "circumflex_accent", "_": "underscore", "`": "grave_accent", "{": "left_curly_bracket",
    "|": "vertical_line", "}": "right_curly_bracket", "~": "tilde", " ": "space",
}  # fmt: skip
_CHARACTERS = {name: character for character, name in _NAMES.items()}
_SPECIAL = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "PgUp", "pagedown": "PgDn",
    "home": "Home", "end": "End", "enter": "Enter", "escape": "Esc", "tab": "Tab",
    "insert": "Ins", "delete": "Del", "backspace": "Backspace", "space": "space",
} | {f"f{number}": f"F{number}" for number in range(1, 13)}  # fmt: skip
_ALIASES = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown",
            "page_up": "pageup", "page_down": "pagedown", "del": "delete"}  # fmt: skip
_MODIFIERS = ("ctrl", "alt", "shift")

_MOVING = {"up", "down", "left", "right", "h", "j", "k", "l"}
_HARD_TO_TYPE = {_NAMES[character] for character in "[]{}\\|@~#^`'\""}
"""What some layout has only behind AltGr or on a dead key."""
_OTHER_KEYS = {"ctrl+i": "Tab", "ctrl+m": "Enter", "ctrl+h": "Backspace"}
_TAKEN = {"ctrl+b": "tmux", "ctrl+a": "screen", "ctrl+s": "flow control", "ctrl+j": "the newline"}

SHADOWS = frozenset({("fleet.quit", "global.back"), ("run.goto", "list.twice")})
"""A nearer action that takes a key from a farther one on purpose."""


def keys_of(action: Action) -> tuple[str, ...]:
    """Return the keys of an action, by their names."""
    return tuple(action.keys.split(",")) if action.keys else ()


def key_name(key: str) -> str | None:
    """Return the one name of a key as a person may write it; None: there is no such key."""
    *modifiers, base = key.split("+") if len(key) > 1 else [key]
    if key != "+" and key.endswith("+"):
        modifiers, base = key[:-2].split("+"), "+"
    base = _ALIASES.get(base.lower(), base)
    if len(base) == 1 and base.isprintable():
        base = _NAMES.get(base, base)
    elif base.lower() in _SPECIAL or base.lower() in _CHARACTERS:
        base = base.lower()
    else:
        return None
    lowered = [modifier.lower() for modifier in modifiers]
    if len(set(lowered)) != len(lowered) or not set(lowered) <= set(_MODIFIERS):
        return None
    return "+".join([*(m for m in _MODIFIERS if m in lowered), base.lower() if lowered else base])


def key_label(key: str) -> str:
    """Return a key as it is shown."""
    *modifiers, base = key.split("+")
    shown = _SPECIAL.get(base) or _CHARACTERS.get(base, base)
    if modifiers == ["ctrl"]:
        return f"^{shown.upper()}"
    return "+".join([*(modifier.capitalize() for modifier in modifiers), shown])


def keys_label(action: Action) -> str:
    """Return all keys of an action as they are shown."""
    return " ".join(key_label(key) for key in keys_of(action))


# -- the rules


def case_pairs(actions: Actions) -> list[str]:
    """No key that changes a run differs from another one only by case: Caps Lock is no intent."""
    found = []
    for one, other in combinations(actions, 2):
        heard_together = any(one.scope in chain and other.scope in chain for chain in CHAINS)
        both = one.changes and other.changes
        if not both and not (heard_together and (one.changes or other.changes)):
            continue
        found += [
            f"{key!r} ({one.id}) and {twin!r} ({other.id}) differ only by case"
            for key in keys_of(one)
            for twin in keys_of(other)
            if key != twin and key.lower() == twin.lower()
        ]
    return found


def moving_keys_move(actions: Actions) -> list[str]:
    """Arrows and hjkl move, scroll and fold; nothing else."""
    return [
        f"{key!r} only moves, so {action.id} cannot have it"
        for action in actions
        if action.group != "move"
        for key in keys_of(action)
        if key in _MOVING
    ]


def keys_arrive(actions: Actions) -> list[str]:
    """A terminal sends Ctrl+I as Tab, Ctrl+M as Enter, Ctrl+H as Backspace: never the only key."""
    return [
        f"{action.id} has only {keys[0]!r}, which most terminals send as {_OTHER_KEYS[keys[0]]}"
        for action in actions
        if (keys := keys_of(action)) and set(keys) <= set(_OTHER_KEYS)
    ]


def clashes(actions: Actions) -> list[str]:
    """In whatever is heard at the same time a key means one thing."""
    found: dict[tuple[str, str, str], None] = {}
    for chain in CHAINS:
        heard: dict[str, Action] = {}
        for scope in chain:
            for action in (action for action in actions if action.scope == scope):
                for key in keys_of(action):
                    first = heard.setdefault(key, action)
                    if first is not action and (first.id, action.id) not in SHADOWS:
                        found[key, first.id, action.id] = None
    return [f"{key!r} means both {one} and {other}" for key, one, other in found]


def nothing_hard_to_type(actions: Actions) -> list[str]:
    """No default needs AltGr, a dead key or Shift+arrow."""
    arrows = {f"shift+{arrow}" for arrow in ("up", "down", "left", "right")}
    return [
        f"{action.id} has only {keys!r}, which some keyboards or terminals cannot type"
        for action in actions
        if (keys := keys_of(action))
        and all(key in _HARD_TO_TYPE or key in arrows or key.startswith("alt+") for key in keys)
    ]


def nothing_taken(actions: Actions) -> list[str]:
    """No default is a key that what stands around us takes for itself."""
    return [
        f"{action.id} has {key!r}, which belongs to {_TAKEN[key]}"
        for action in actions
        for key in keys_of(action)
        if key in _TAKEN
    ]


RULES: tuple[Rule, ...] = (case_pairs, moving_keys_move, keys_arrive, clashes)
DEFAULT_RULES: tuple[Rule, ...] = (*RULES, nothing_hard_to_type, nothing_taken)


# -- a person's own keys


def keymap_problems(mapping: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a keymap: unknown actions, illegal keys, clashes."""
    problems = []
    legal = {}
    for name, keys in mapping.items():
        if name not in BY_ID:
            near = get_close_matches(name, BY_ID, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else "; `?` lists every action"
            problems.append(f"there is no action {name!r}{hint}")
            continue
        wrong = _illegal(keys)
        problems += [f"{name}: {reason}" for reason in wrong]
        if not wrong:
            legal[name] = keys
    if not problems:
        actions = rekeyed(legal)
        problems = [problem for rule in RULES for problem in rule(actions)]
    return problems


def rekeyed(mapping: Mapping[str, object]) -> tuple[Action, ...]:
    """Return the table with a person's keys in it. The mapping has no problems of its own."""
    return tuple(
        action._replace(keys=",".join(dict.fromkeys(key_name(key) or key for key in _listed(keys))))
        if (keys := mapping.get(action.id)) is not None
        else action
        for action in ACTIONS
    )


def _listed(keys: object) -> list[str]:
    if isinstance(keys, str):
        # A comma alone is the key; between keys it parts them.
        return [keys] if keys.strip() == "," else [key.strip() for key in keys.split(",")]
    if isinstance(keys, Sequence) and all(isinstance(key, str) for key in keys):
        return [str(key) for key in keys]
    return []


def _illegal(keys: object) -> list[str]:
    listed = _listed(keys)
    if not listed:
        return [f"{keys!r} is no key; write one as a string, or several as a list of strings"]
    reasons = []
    for key in listed:
        if key_name(key) is None:
            near = get_close_matches(key.rpartition("+")[2].lower(), [*_SPECIAL, *_CHARACTERS], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            reasons.append(f"there is no key {key!r}{hint}")
    return reasons


# -- as a list for people


def keys_markdown(actions: Iterable[Action] = ACTIONS, *, commands: Iterable[str] = ()) -> str:
    """Return the table as Markdown. Of the command lines only those of `commands` are promised."""
    promised = set(commands)
    table = {action.id: action for action in actions}
    lines = []
    for scope in SCOPES:
        lines += [f"**{TITLES[scope]}**", "", "| keys | what | |", "|---|---|---|"]
        for default in in_scope(scope):
            action = table[default.id]
            keys = " ".join(_code(key_label(key)) for key in keys_of(action)) or "(palette)"
            known = action.command.partition(" ")[0] in promised
            command = f" `{action.command_line()}`" if known else ""
            lines.append(f"| {keys} | {action.label} | {action.tip}.{command} |")
        lines.append("")
    return "\n".join(lines)


def keys_table(actions: Iterable[Action] = ACTIONS) -> str:
    """Return the table as one of Markdown: a row for each place, with its keys and their names."""
    table = {action.id: action for action in actions}
    lines = ["| where | keys |", "|---|---|"]
    for scope in SCOPES:
        mine = (table[default.id] for default in in_scope(scope))
        said = " · ".join(
            f"{' '.join(_code(key_label(key)) for key in keys_of(action))} {action.label}"
            for action in mine
            if action.keys
        )
        lines.append(f"| {TITLES[scope]} | {said} |")
    return "\n".join(lines) + "\n"


def _code(key: str) -> str:
    """A key in code marks that no table and no backtick breaks."""
    key = key.replace("|", "\\|")
    return f"`` {key} ``" if "`" in key else f"`{key}`"
