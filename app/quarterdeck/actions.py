"""The table of what an operator can do. Keys, footer, help, palette and the menu come from it.

Pure data: it knows neither Textual nor whether a screen can do a thing yet. `keymap` judges the
keys, `widgets.keyed` binds them, and what no screen can do is bound and shown nowhere.
"""

from functools import partial
from typing import Literal, NamedTuple, get_args

Scope = Literal[
    "global",
    "list",
    "fleet",
    "menu",
    "batch",
    "run",
    "log",
    "timeline",
    "inspector",
    "inbox",
    "approval",
    "unknown",
    "item",
    "ledger",
    "agents",
    "settings",
    "bookmarks",
    "dialog",
]
Group = Literal["move", "look", "find", "decide", "change", "app"]

SCOPES: tuple[Scope, ...] = get_args(Scope)

TITLES: dict[Scope, str] = {
    "global": "Everywhere",
    "list": "In every list",
    "fleet": "Fleet",
    "menu": "On a run, from the actions menu",
    "batch": "On what is selected in the inbox",
    "run": "Run, in any panel",
    "log": "Run: log",
    "timeline": "Run: timeline",
    "inspector": "Run: inspector",
    "inbox": "Inbox: list",
    "approval": "Inbox: a pause",
    "unknown": "Inbox: an unknown outcome",
    "item": "Inbox: any item",
    "ledger": "Ledger",
    "agents": "Agents & tools",
    "settings": "Settings",
    "bookmarks": "Bookmarks",
    "dialog": "Dialogs",
}

CHAINS: tuple[tuple[Scope, ...], ...] = (
    ("fleet", "list", "global"),
    ("log", "run", "list", "global"),
    ("timeline", "run", "global"),
    ("inspector", "run", "list", "global"),
    ("inbox", "list", "global"),
    ("approval", "item", "list", "global"),
    ("unknown", "item", "list", "global"),
    ("ledger", "list", "global"),
    ("agents", "list", "global"),
    ("settings", "list", "global"),
    ("menu", "list", "dialog"),
    ("batch", "list", "dialog"),
    ("bookmarks", "list", "dialog"),
)
"""Which scopes hear a key at the same time, the nearest first."""


class Action(NamedTuple):
    """One thing to do. `does` is the method that does it: `action_` and its name.

    `keys` are Textual's names, parted by commas. `footer` is its rank there, by which it finds room
    (0: it is not in the footer; from 80 on there is always room: menu, way out, help).
    `changes`: it changes a run, so it is off in the past, read-only and where one cannot see;
    `writes`: something beside the runs, so it is off read-only. `confirm` is what is asked first.
    `command` is the same on the command line.
    """

    id: str
    keys: str
    label: str
    tip: str
    does: str
    footer: int = 0
    confirm: str = ""
    command: str = ""
    group: Group = "look"
    changes: bool = False
    writes: bool = False

    @property
    def scope(self) -> Scope:
        """Return where it is heard."""
        scope = self.id.partition(".")[0]
        assert scope in SCOPES
        return scope

    @property
    def method(self) -> str:
        """Return the name of what does it, without parameters or namespace."""
        return self.does.partition("(")[0].rpartition(".")[2]

    def command_line(self) -> str:
        """Return what to type in a shell instead, or nothing."""
        return f"quarterdeck {self.command}" if self.command else ""


_move = partial(Action, group="move")
_look = partial(Action, group="look")
_find = partial(Action, group="find")
_app = partial(Action, group="app")
_decide = partial(Action, group="decide", changes=True)
_change = partial(Action, group="change", changes=True)

# fmt: off
_EVERYWHERE = (
    _find("global.need", "w", "next", "Open the next item that needs me", "next_need", 38),
    _find("global.filter", "slash", "filter", "Filter or search", "filter", 39),
    _app("global.menu", "x", "actions", "All actions here, by arrows and Enter", "menu", 80),
    _app("global.copy", "y", "copy", "Copy what is under the cursor", "copy"),
    _app("global.copy_command", "Y", "copy as command", "Copy the equivalent command line",
         "copy_command"),
    _app("global.help", "question_mark,f1", "help", "Every key, and what it does", "help", 90),
    _app("global.palette", "colon,ctrl+p", "palette", "Find an action by name", "palette", 55),
    _look("global.fleet", "1", "Fleet", "All runs, by need", "show('fleet')"),
    _look("global.inbox", "2", "Inbox", "What waits for a person", "show('inbox')"),
    _look("global.ledger", "3", "Ledger", "What was spent, and by whom", "show('ledger')"),
    _look("global.agents", "4", "Agents", "Agents, tools and grants", "show('agents')"),
    _look("global.settings", "5", "Settings", "Theme, keys, notices, glyphs", "show('settings')"),
    _look("global.back", "escape,q", "back", "Up one level", "back", 85),
    _move("global.next_panel", "tab", "next panel", "Go to the next panel", "app.focus_next"),
    _move("global.last_panel", "shift+tab", "panel before", "Go to the panel before",
          "app.focus_previous"),
    _look("global.notices", "", "notices", "What was noticed, with details to copy", "notices"),
    _look("global.times", "", "times", "Times relative, local or in UTC", "times"),
    _look("global.hints", "H", "hints", "Hints for the first minutes: never again, or again",
          "hints"),
    _app("global.stop", "ctrl+g", "stop the work", "Stop what takes long", "stop_work"),
    _app("global.redraw", "ctrl+l", "redraw", "Draw the screen anew", "redraw"),
    _app("global.interrupt", "ctrl+c", "copy or quit", "Copy the selection, else quit",
         "interrupt"),
    _app("global.quit", "ctrl+q", "quit", "Quit; asks about runs that are driven here", "app.quit"),
)

_LISTS = (
    _move("list.up", "up,k", "up", "One line up", "move(-1)"),
    _move("list.down", "down,j", "down", "One line down", "move(1)"),
    _move("list.page_up", "pageup", "page up", "One page up", "page(-1)"),
    _move("list.page_down", "pagedown", "page down", "One page down", "page(1)"),
    _move("list.first", "home", "first", "To the first line", "first"),
    _move("list.twice", "g", "first", "Pressed twice: to the first line", "first_if_twice"),
    _move("list.last", "end,G", "last", "To the last line; in a run: live", "last"),
)

_FLEET = (
    _look("fleet.open", "enter", "open", "Open the run under the cursor", "open", 10),
    _change("fleet.new", "n", "new", "Start a run", "new_run", command="run AGENT OBJECTIVE",
            footer=20),
    _find("fleet.select", "space", "select", "Select the run for an action on several", "select",
          60),
    _find("fleet.select_all", "asterisk", "select all", "Select all that the filter shows",
          "select_all"),
    _look("fleet.order", "o", "order", "Order by need, age, cost or agent", "order"),
    _move("fleet.fold", "left,h", "fold", "Fold the sub-agents away", "fold"),
    _move("fleet.unfold", "right,l", "unfold", "Show the sub-agents", "unfold"),
    _app("fleet.quit", "q", "quit", "Quit; asks about runs that are driven here", "app.quit", 85),
)

_ON_A_RUN = (
    _change("menu.hold", "p", "hold / release", "Write no new intent until released", "hold",
            command="hold RUN"),
    _change("menu.say", "s", "say", "Queue a message for the agent", "say", command="say RUN TEXT"),
    _change("menu.budget", "b", "budget", "Raise or lower a budget", "budget",
            command="budget RUN AMOUNT"),
    _change("menu.model", "m", "model", "Use another model from the next turn", "model",
            command="model RUN MODEL"),
    _change("menu.tools", "t", "tools", "Narrow or widen the tools", "tools",
            command="scope RUN TOOL …"),
    _change("menu.acknowledge", "a", "acknowledge", "This failure was seen; it is no need any more",
            "acknowledge", command="acknowledge RUN"),
    _look("menu.export", "e", "export", "Write the run to a file", "export",
          command="export RUN FILE"),
    _change("menu.restore", "r", "restore a file", "Put a file back as it was at this event",
            "restore", confirm="Put this file back as it was?",
            command="restore RUN PATH --at SEQ"),
    _change("menu.grants", "v", "grants", "What may run unasked; revoke it here", "grants",
            command="grants"),
    _change("menu.cancel", "c", "cancel at the boundary",
            "End the run once the effect in flight is recorded", "cancel_run",
            confirm="Cancel this run at its next boundary?", command="cancel RUN"),
    _change("menu.cancel_now", "n", "cancel now",
            "End the run without waiting; an effect in flight may become unknown", "cancel_now",
            confirm="Cancel this run now? What is in flight may become unknown.",
            command="cancel --now RUN"),
    _change("menu.merge", "", "merge", "Bring the files of this fork home", "merge",
            confirm="Merge the files of this fork?", command="merge FORK"),
)

_BATCH = (
    _change("batch.approve", "a", "approve the selected", "One summary, then a table of results",
            "approve_selected", confirm="Approve all of these?"),
)

_RUN = (
    _move("run.next_turn", "t", "next turn", "To the next turn", "turn(1)"),
    _move("run.last_turn", "T", "turn before", "To the turn before", "turn(-1)"),
    _move("run.same_before", "comma", "same before", "The same tool or kind before", "same(-1)"),
    _move("run.same_next", "full_stop", "same next", "The same tool or kind next", "same(1)"),
    _find("run.trouble_before", "left_square_bracket,left_parenthesis", "trouble before",
          "The error, pause, unknown, budget or verdict before", "trouble(-1)"),
    _find("run.trouble_next", "right_square_bracket,right_parenthesis", "trouble",
          "The next error, pause, unknown, budget or verdict", "trouble(1)", 25),
    _find("run.goto", "g", "go to", "Go to 4120, 40%, 14:02 or -5m; g again: the first", "goto",
          26),
    _look("run.live", "L", "live", "Back to the newest event, and follow", "live", 27),
    _move("run.jump_back", "o", "back where I was", "Back to where the last jump began",
          "jumped(-1)"),
    _move("run.jump_forward", "O", "forward again", "Forward again along the jumps", "jumped(1)"),
    _look("run.bookmark", "b", "bookmark", "Mark this event, with a note", "bookmark",
          command="note RUN TEXT --at SEQ", writes=True),
    _look("run.bookmarks", "B", "bookmarks", "All bookmarks of the run", "bookmarks",
          command="bookmarks RUN"),
    _look("run.mark_a", "m", "mark A", "Set mark A here", "mark('a')"),
    _look("run.mark_b", "M", "mark B", "Set mark B here", "mark('b')"),
    _look("run.diff", "d", "diff", "What changed from A to B, or to here", "diff",
          command="state RUN --at SEQ --since SEQ"),
    _change("run.fork", "f", "fork", "Start another run from this event", "fork",
            confirm="Fork the run here?", command="fork RUN --at SEQ", footer=36),
    _look("run.compare", "c", "compare", "Compare with another run", "compare",
          command="compare A B"),
    _look("run.panel", "i", "inspect", "The event, the conversation, files or state at this moment",
          "panel"),
    _look("run.view", "v", "view", "Compact, full or JSON", "view"),
    _find("run.next_hit", "n", "next hit", "To the next hit of the search", "hit(1)"),
    _find("run.last_hit", "N", "hit before", "To the hit before", "hit(-1)"),
)

_PANELS = (
    _move("log.back", "left,h", "event before", "One event back", "move(-1)"),
    _move("log.forward", "right,l", "next event", "One event on", "move(1)"),
    _look("log.play", "space", "play", "Play from here, or stop", "play", 28),
    _move("timeline.back", "left,h", "event before", "One event back", "step(-1)"),
    _move("timeline.forward", "right,l", "next event", "One event on", "step(1)"),
    _look("timeline.play", "space", "play", "Play from here, or stop", "play", 28),
    _look("timeline.slower", "minus", "slower", "Play slower", "speed(-1)"),
    _look("timeline.faster", "plus", "faster", "Play faster", "speed(1)"),
    _look("timeline.zoom_in", "z", "zoom in", "Show less of the run, larger", "zoom(1)"),
    _look("timeline.zoom_out", "Z", "zoom out", "Show more of the run", "zoom(-1)"),
    _move("inspector.fold", "left,h", "fold", "Fold what is under the cursor", "fold"),
    _move("inspector.unfold", "right,l", "unfold", "Unfold what is under the cursor", "unfold"),
    _look("inspector.open", "enter", "open",
          "Go to the event that the line is about; else fold or unfold", "open_spot", 39),
    _look("inspector.toggle", "space", "fold", "Fold or unfold", "toggle_fold", 40),
)

_INBOX = (
    _look("inbox.open", "enter", "open", "Open the item; decisions are made there", "open", 10),
    _find("inbox.select", "space", "select", "Select for an action on several", "select", 60),
    _look("inbox.order", "o", "order", "Order by deadline, age or run", "order"),
    _decide("approval.approve", "a", "approve",
            "Arm it; then Enter approves once, u until the run ends", "arm", 10,
            command="approve ID"),
    _decide("approval.once", "enter", "approve once", "Armed: approve exactly this, once",
            "approve_once"),
    _decide("approval.grant", "u", "until the run ends",
            "Grant this tool with these arguments until the run ends; asks first unless armed",
            "approve_run"),
    _decide("approval.edit", "e", "edit", "Change what will run; the digest is bound anew", "edit",
            30, command="approve ID --edit JSON"),
    _decide("approval.reject", "r", "reject", "Refuse it, with a reason for the model", "reject",
            20, command="reject ID --reason TEXT"),
    _decide("approval.answer", "i", "answer", "Answer the question", "answer", 25,
            command="answer ID VALUE"),
    _decide("unknown.probe", "p", "probe", "Ask the tool whether it happened", "probe", 10,
            confirm="Ask the tool's probe?", command="reconcile ID --probe"),
    _decide("unknown.done", "d", "done", "It happened: say how you know", "settle_done", 20,
            command="reconcile ID --done EVIDENCE"),
    _decide("unknown.failed", "f", "failed", "It did not happen and will not: say why",
            "settle_failed", 25, command="reconcile ID --failed REASON"),
    _decide("unknown.retry", "t", "try again",
            "Needs a probe's “not done” or a reason, and the tool's name typed", "retry", 30,
            confirm="Try again? Type the tool's name.", command="reconcile ID --retry"),
    _look("item.next", "n", "next", "To the next item", "item(1)", 36),
    _look("item.last", "N", "item before", "To the item before", "item(-1)"),
    _look("item.open_run", "o", "open run", "Open the run it belongs to", "open_run", 45),
    _look("item.whole", "v", "show all", "Show all of a long text, so that it can be read",
          "whole"),
)

_BOOKS = (
    _move("ledger.last_group", "left,h", "grouping before", "Part it by what comes before",
          "next_group(-1)"),
    _move("ledger.next_group", "right,l", "next grouping", "Part it by what comes next",
          "next_group(1)"),
    _look("ledger.tenant", "t", "tenant", "Spend by tenant", "group('tenant')", 11),
    _look("ledger.person", "p", "person", "Spend by person", "group('person')", 12),
    _look("ledger.agent", "a", "agent", "Spend by agent", "group('agent')", 13),
    _look("ledger.model", "m", "model", "Spend by model", "group('model')", 14),
    _look("ledger.day", "d", "day", "Spend by day, in UTC", "group('day')", 15),
    _look("ledger.span", "s", "span", "All time, this month, the last 7 days, or today", "span",
          16),
    _look("ledger.order", "o", "order", "Order by cost or by name", "order", 17),
    _change("agents.start", "n", "new run", "Start a run of this agent", "start_agent", 10,
            command="run AGENT OBJECTIVE"),
    _change("agents.revoke", "r", "revoke", "Take the grant under the cursor back", "revoke_grant",
            20, confirm="Take this grant back?", command="grants revoke ID"),
)

_REST = (
    _look("settings.choose", "enter", "choose", "Choose what is under the cursor", "choose", 10),
    _look("bookmarks.edit", "e", "edit", "Note something else; the new note is yours", "edit_note",
          writes=True),
    _look("bookmarks.remove", "r", "remove", "Take the bookmark away", "remove_note",
          confirm="Remove this bookmark?", writes=True),
    _app("dialog.cancel", "escape", "cancel", "Close it and change nothing", "close", 10),
    _app("dialog.next", "tab", "next field", "To the next field or button", "app.focus_next", 20),
    _app("dialog.last", "shift+tab", "field before", "To the field or button before",
         "app.focus_previous"),
    _app("dialog.submit", "enter", "submit", "Only where it has no effect; else Tab to the button",
         "submit"),
    _app("dialog.interrupt", "ctrl+c", "copy or quit", "Copy the selection, else quit",
         "interrupt"),
)
# fmt: on

ACTIONS: tuple[Action, ...] = (
    *_EVERYWHERE,
    *_LISTS,
    *_FLEET,
    *_ON_A_RUN,
    *_BATCH,
    *_RUN,
    *_PANELS,
    *_INBOX,
    *_BOOKS,
    *_REST,
)

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}

CHANGING: dict[str, Action] = {
    action.method: action for action in ACTIONS if action.changes or action.writes
}
"""What changes a run or writes beside it, by the name of the method that does it: no other action
has that name."""


def in_scope(scope: Scope) -> tuple[Action, ...]:
    """Return the actions of a scope, in the order of the table."""
    return tuple(action for action in ACTIONS if action.scope == scope)
