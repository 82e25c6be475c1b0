"""Keys from the table, upon whatever can do what they say.

A key works where the method is there and nothing withholds it: what is not built, and what may not
be done now, has no key. One gate for keys, footer, menu and palette.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from quarterdeck.actions import BY_ID, CHANGING, Action, Scope, in_scope


@runtime_checkable
class Withholding(Protocol):
    """A screen or an app that knows when something may not be done."""

    def withheld(self, action: Action) -> str | None:
        """Return why an action that changes a run may not be done now."""
        ...


class Offer(NamedTuple):
    """Something that can be done now, and who does it. `why_not`: it is withheld."""

    action: Action
    node: DOMNode
    why_not: str | None


def bindings(
    *scopes: Scope, without: tuple[str, ...] = (), only: tuple[str, ...] = ()
) -> list[BindingType]:
    """Return the keys of scopes; a keymap finds them by the ids of their actions."""
    return [
        Binding(
            action.keys,
            action.does,
            action.label,
            show=False,
            tooltip=action.tip,
            id=action.id,
            priority=action.id == "global.quit",
        )
        for scope in scopes
        for action in in_scope(scope)
        if action.keys and action.id not in without and (not only or action.id in only)
    ]


# Textual takes style from the first base that is a node: the mixin must be none when it runs.
if TYPE_CHECKING:
    _Node = DOMNode
else:
    _Node = object


class Keyed(_Node):
    """Mixed into what has keys of the table."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let an action through if it can be done here, and nothing withholds it."""
        if not can(self, action):
            return False
        changing = CHANGING.get(action)
        if changing is not None and why_withheld(self, changing) is not None:
            return None
        return super().check_action(action, parameters)


def can(node: DOMNode, method: str) -> bool:
    """Tell whether a node has the method of an action."""
    return callable(getattr(node, f"action_{method}", None))


def why_withheld(node: DOMNode, action: Action) -> str | None:
    """Return why an action may not be done now; None: it may."""
    if not (action.changes or action.writes):
        return None
    for holder in (node.screen, node.app):
        if isinstance(holder, Withholding) and (reason := holder.withheld(action)) is not None:
            return reason
    return None


def offers(screen: Screen[object]) -> list[Offer]:
    """Return what can be done on a screen as it is focused now, the nearest first."""
    found: dict[str, Offer] = {}
    for key, active in screen.active_bindings.items():
        action = BY_ID.get(active.binding.id or "")
        if action is None:
            continue
        keys = f"{found[action.id].action.keys},{key}" if action.id in found else key
        why_not = None if active.enabled else why_withheld(active.node, action)
        found[action.id] = Offer(action._replace(keys=keys), active.node, why_not)
    return list(found.values())


def offers_of(screen: Screen[object], actions: Iterable[Action]) -> list[Offer]:
    """Return which of some actions a screen or the app can do, with or without a key here."""
    found = []
    for action in actions:
        nodes: tuple[Screen[object] | App[object], ...] = (screen, screen.app)
        node = next((node for node in nodes if can(node, action.method)), None)
        if node is not None:
            found.append(Offer(action, node, why_withheld(node, action)))
    return found


def built() -> dict[str, bool]:
    """Return, of every action whose place there is, whether something can do it."""
    found: dict[str, bool] = {}
    for kind in _kinds(Keyed):
        ids = [binding.id for binding in vars(kind).get("BINDINGS", ()) if binding.id]
        ids += [action.id for scope in getattr(kind, "MENU", ()) for action in in_scope(scope)]
        for name in ids:
            does = BY_ID[name].does
            able = does.startswith("app.") or callable(
                getattr(kind, f"action_{BY_ID[name].method}", None)
            )
            found[name] = found.get(name, False) or able
    return found


def _kinds(kind: type[object]) -> list[type[object]]:
    # Of the application's own: what somebody else has made of them is no place of its.
    found = [kind] if kind.__module__.startswith("quarterdeck.") else []
    for nearer in kind.__subclasses__():
        found += _kinds(nearer)
    return found
