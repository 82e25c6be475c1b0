"""Keys from the table, upon whatever can do what they say.

A key works where the method is there and nothing withholds it: what is not built, and what may not
be done now, has no key. One gate for keys, footer, menu and palette.
"""

from typing import NamedTuple, Protocol, runtime_checkable

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


def bindings(*scopes: Scope, without: tuple[str, ...] = ()) -> list[BindingType]:
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
        if action.keys and action.id not in without
    ]


class Keyed(DOMNode):
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
    if not action.changes:
        return None
    for holder in (node.screen, node.app):
        if isinstance(holder, Withholding) and (reason := holder.withheld(action)) is not None:
            return reason
    return None


def offers(screen: Screen[object]) -> list[Offer]:
    """Return what can be done on a screen as it is focused now, the nearest first."""
    found: dict[str, Offer] = {}
    for active in screen.active_bindings.values():
        action = BY_ID.get(active.binding.id or "")
        if action is not None and action.id not in found:
            keys = _keys_now(screen, action)
            node = active.node
            why_not = None if active.enabled else why_withheld(node, action)
            found[action.id] = Offer(action._replace(keys=keys), node, why_not)
    return list(found.values())


def offers_without_key(screen: Screen[object], *scopes: Scope) -> list[Offer]:
    """Return what of some scopes a screen or the app can do, whether or not it has a key here."""
    found = []
    for scope in scopes:
        for action in in_scope(scope):
            nodes: tuple[Screen[object] | App[object], ...] = (screen, screen.app)
            node = next((node for node in nodes if can(node, action.method)), None)
            if node is not None:
                keys = _keys_now(screen, action)
                found.append(Offer(action._replace(keys=keys), node, why_withheld(node, action)))
    return found


def _keys_now(screen: Screen[object], action: Action) -> str:
    """Return the keys of an action with a person's own keymap in force."""
    return screen.app._keymap.get(action.id, action.keys)  # noqa: SLF001 - Textual has no getter
