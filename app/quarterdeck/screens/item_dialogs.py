"""The dialogs of an item's decisions, and what their answers decide."""

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from quarterdeck.dialogs.base import Choice
from quarterdeck.dialogs.deciding import Decided, DecidingDialog
from quarterdeck.dialogs.text import Field, Values
from quarterdeck.views import forms
from quarterdeck.views.decisions import Decision, Verb
from quarterdeck.views.matter import Matter
from quarterdeck.views.plain import plain

_VERBS: Mapping[str, Verb] = {
    "edit": "edited",
    "answer": "answered",
    "probe": "probe",
    "done": "done",
    "failed": "failed",
    "retry": "retry",
    "granted": "granted",
}


def _tool(matter: Matter) -> str:
    return plain(matter.tool or "it")


def _needs(name: str, why: str) -> Callable[[Mapping[str, str]], str | None]:
    return lambda values: None if values[name].strip() else why


def grant(matter: Matter) -> DecidingDialog:
    """Ask before a grant that nothing was armed for."""
    lines = [f"{_tool(matter)} may then run in this run without asking, with these arguments:"]
    arguments = matter.arguments if isinstance(matter.arguments, dict) else {}
    lines += [f"  {plain(name)} = {forms.shown(value)}" for name, value in arguments.items()]
    lines.append("The grant is listed, ends with the run, and can be revoked.")
    return DecidingDialog(
        f"Grant {_tool(matter)} until the run ends?",
        text="\n".join(lines),
        decides=(Choice("granted", "Grant"),),
    )


def _reject(matter: Matter, typed: Values) -> DecidingDialog:
    what = _tool(matter) if matter.kind == "call" else "the question"
    return DecidingDialog(
        f"Reject {what}",
        fields=(Field("reason", "Why, in words for the model"),),
        decides=(
            Choice("rejected", "Reject"),
            Choice("rejected_stop", "Reject and stop the run"),
        ),
        problem=_needs("reason", "give a reason: the model is told"),
        typed=typed,
    )


def _edit(matter: Matter, typed: Values) -> DecidingDialog:
    asked = matter.asked
    schema = asked.answer_schema if asked is not None else None
    before = matter.arguments

    def outcome(values: Mapping[str, str]) -> str:
        said = forms.typed(schema, before, values)
        lines = forms.diff(before, said.value) if said.problem is None else (said.problem,)
        return "\n".join(lines) or "nothing is changed yet"

    def problem(values: Mapping[str, str]) -> str | None:
        said = forms.typed(schema, before, values)
        if said.problem is None and not forms.diff(before, said.value):
            return "nothing is changed; to let it run as it is, approve it"
        return said.problem

    return DecidingDialog(
        f"Edit {_tool(matter)} and let it run so",
        fields=tuple(
            Field(field.name, f"{plain(field.name)}  {field.hint}".rstrip(), field.value, "")
            for field in forms.fields_of(schema, before)
        ),
        decides=(Choice("edited", "Approve as edited"),),
        problem=problem,
        outcome=outcome,
        typed=typed,
    )


_OWN_WORDS = "own words"


def _question(matter: Matter) -> str:
    asked = matter.asked
    return plain(asked.title or "") if asked is not None else ""


def options_of(matter: Matter) -> tuple[JsonValue, ...]:
    """Return what an answer may be chosen from."""
    asked = matter.asked
    return forms.choices_of(asked.answer_schema, asked.options) if asked is not None else ()


def _answer(matter: Matter, typed: Values) -> DecidingDialog:
    asked = matter.asked
    schema = asked.answer_schema if asked is not None else None
    options = options_of(matter)
    if options:
        own = Field(_OWN_WORDS, "or in your own words, which then hold", "", "")
        return DecidingDialog(
            _question(matter),
            options=tuple(forms.choice_label(option) for option in options),
            fields=(own,) if forms.takes_own_words(schema) else (),
            decides=(Choice("answered", "Answer"),),
            typed=typed,
        )
    return DecidingDialog(
        _question(matter),
        fields=tuple(
            Field(field.name, f"{plain(field.name)}  {field.hint}".rstrip(), field.value, "")
            for field in forms.answer_fields(schema)
        ),
        decides=(Choice("answered", "Answer"),),
        problem=lambda values: forms.typed_answer(schema, values).problem,
        typed=typed,
    )


def _probe(matter: Matter, _typed: Values) -> DecidingDialog:
    return DecidingDialog(
        f"Ask whether {_tool(matter)} happened",
        text="The tool's own probe is asked, with the same arguments and the same key. "
        "Nothing is sent again. What it says is put on record.",
        decides=(Choice("probe", "Ask the probe"),),
    )


def _done(matter: Matter, typed: Values) -> DecidingDialog:
    return DecidingDialog(
        f"{_tool(matter)} was done",
        text="The run goes on as if the answer had come. Nothing is sent again.",
        fields=(Field("evidence", "How you know: what you looked at, and what it said"),),
        decides=(Choice("done", "It was done"),),
        problem=_needs("evidence", "say how it is known to be done"),
        typed=typed,
    )


def _failed(matter: Matter, typed: Values) -> DecidingDialog:
    return DecidingDialog(
        f"{_tool(matter)} did not happen, and will not",
        text="The run goes on, told that it failed. Nothing is sent again.",
        fields=(Field("reason", "How you know that nothing happened"),),
        decides=(Choice("failed", "It failed"),),
        problem=_needs("reason", "say why it is known to have failed"),
        typed=typed,
    )


def _retry(matter: Matter, typed: Values) -> DecidingDialog:
    not_done = matter.unknown is not None and matter.unknown.evidence == "not_done"
    tool = matter.tool or ""

    def problem(values: Mapping[str, str]) -> str | None:
        if not not_done and not values["reason"].strip():
            return "no probe has said that it is not done: give a reason"
        if values["tool"] != tool:
            return f"type the tool's name: {plain(tool)}"
        return None

    text = "A probe said: not done." if not_done else "Nobody knows whether it happened."
    return DecidingDialog(
        f"Try {_tool(matter)} again, under the same key",
        text=f"{text} If it did happen, and the other side does not know the key, it happens "
        "twice.",
        fields=(
            Field("reason", "Why it may be tried again" + (" (optional)" if not_done else "")),
            Field("tool", f"The tool's name: {plain(tool)}"),
        ),
        decides=(Choice("retry", "Try again"),),
        problem=problem,
        typed=typed,
    )


DIALOGS: Mapping[str, Callable[[Matter, Values], DecidingDialog]] = {
    "reject": _reject,
    "edit": _edit,
    "answer": _answer,
    "probe": _probe,
    "done": _done,
    "failed": _failed,
    "retry": _retry,
}


def decision(matter: Matter, what: str, answer: Decided) -> Decision:
    """Return what an answered dialog decides."""
    asked = matter.asked
    schema = asked.answer_schema if asked is not None else None
    run_id, item_id = matter.name
    value: JsonValue = None
    verb = _VERBS.get(what)
    if what == "reject":
        verb = "rejected_stop" if answer.answer == "rejected_stop" else "rejected"
    elif what == "edit":
        value = forms.typed(schema, matter.arguments, answer.values).value
    elif what == "answer" and answer.values.get(_OWN_WORDS, "").strip():
        value = answer.values[_OWN_WORDS]
    elif what == "answer" and answer.chosen >= 0:
        value = options_of(matter)[answer.chosen]
    elif what == "answer":
        value = forms.typed_answer(schema, answer.values).value
    assert verb is not None, "there is a dialog for each"
    reason = answer.values.get("reason") or answer.values.get("evidence") or None
    return Decision(
        run_id=run_id,
        item_id=item_id,
        verb=verb,
        digest=matter.digest,
        answer=value,
        reason=reason,
    )
