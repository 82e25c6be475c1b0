"""Markdown as it is meant and diffs by what they do, in the inspector."""

from quarterdeck.views.inspection import InspectorLine, Look, Near, View, inspected
from quarterdeck.views.readable import is_diff, is_markdown
from quarterdeck_kernel.events.envelope import Event
from quarterdeck_kernel.events.run_events import RunSucceeded
from tests.app.frozen import asked, events_of

SAID = """# The [course](https://a.example/b)

We **must** tack `now`:
- keep *left*
> says the pilot

```
# no heading **here**
```"""
DIFF = "@@ -1,2 +1,2 @@\n same\n-old line\n+new line\n\\ No newline at the end\n"


def answered(answer: object) -> Event:
    return events_of("a", "o", RunSucceeded(answer=answer))[-1]  # type: ignore[arg-type]


def lines(event: Event, view: View = "compact") -> list[InspectorLine]:
    return inspected(event, Near(), Look(view=view, cells=70))


def test_what_an_agent_says_is_read_as_markdown_and_in_full_as_it_is() -> None:
    event = answered(SAID)
    shown = [(line.tone, line.text) for line in lines(event) if line.path == "answer"][1:]
    assert shown == [
        ("strong", "The course <https://a.example/b>"),
        ("", ""),
        ("", "We must tack now:"),
        ("", "• keep *left*"),
        ("quiet", "│ says the pilot"),
        ("", ""),
        ("quiet", "  # no heading **here**"),
    ]
    raw = [line.text for line in lines(event, "full") if line.path == "answer"][1:]
    assert raw == SAID.split("\n")


def test_what_a_tool_returned_is_no_markdown() -> None:
    assert not is_markdown("result", SAID)
    assert not is_markdown("text", "just words * and signs")


def test_a_link_never_hides_where_it_leads() -> None:
    event = answered("- [bank.example](https://evil.example/x)\n- more")
    shown = [line.text for line in lines(event)]
    assert "• bank.example <https://evil.example/x>" in shown


def test_a_change_of_a_file_is_a_diff_in_every_tree() -> None:
    call = asked("write_file", "a").model_copy(update={"preview": {"diff": DIFF}})
    event = events_of("a", "o", call)[-1]
    views: tuple[View, ...] = ("compact", "full")
    for view in views:
        tones = {line.text: line.tone for line in lines(event, view)}
        assert tones["-old line"] == "removed"
        assert tones["+new line"] == "added"
        assert tones[" same"] == ""
        assert tones["@@ -1,2 +1,2 @@"] == "quiet"


def test_a_text_that_only_mentions_a_diff_is_none() -> None:
    assert not is_diff("text", f"the diff is\n{DIFF}")
    assert is_diff("diff", DIFF)
