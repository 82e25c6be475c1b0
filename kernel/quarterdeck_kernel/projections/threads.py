"""Which list of messages stands where: the bookkeeping behind `conversation`.

A *thread* is a list kept in rows under the seq of the event that began it. Four shapes of a
request's list exist, told apart by `Context.thread` and `shared` alone:

* new: no thread; all its rows stand under its own seq;
* extension: a thread of this run, whole, plus what is added: rows are added to that thread;
* branch: the first `shared` messages of a thread, then rows of its own. A side request
  (extraction, repair, a parallel step) costs only what it adds;
* a list given again without additions: an extension by nothing; it changes no thread.

Only a thread with all its own rows is ever extended or shared from, so no list is spread over
more than two threads; a branch that is itself continued is copied into a thread of its own once.
Extended are only the last few threads of the agent's turns, whose length the state knows:
anything else would need a look at the rows to be safe.
"""

from quarterdeck_kernel.projections.open_items import Place
from quarterdeck_kernel.projections.state import Conversation, RunState
from quarterdeck_kernel.vocabulary.limits import TRACKED_THREADS
from quarterdeck_kernel.vocabulary.messages import Context


def place_of(seq: int, context: Context) -> Place:
    """Return where the list of event `seq` stands."""
    thread = context.thread
    return Place(seq, seq if thread is None else thread, context.shared, context.length)


def prefix_length(context: Context) -> int:
    """Return how many messages at the beginning are those of the base, in the same places."""
    if not context.segments:
        return 0
    first = context.segments[0]
    return first.stop if first.source == "base" and first.start == 0 else 0


def extends(context: Context) -> bool:
    """Tell whether the list is its thread, grown by at least one message."""
    return (
        context.thread is not None
        and context.shared == context.length
        and prefix_length(context) < context.length
    )


def place_list(conversation: Conversation, place: Place, context: Context) -> None:
    """Make `place` the list that the next turn goes on from, and follow its thread."""
    conversation.last = place
    threads, used = conversation.threads, conversation.used
    if context.thread is None or (place.thread in threads and extends(context)):
        threads[place.thread] = place.length
    if place.thread in threads:
        used[place.thread] = place.seq
        if len(threads) > TRACKED_THREADS:
            oldest = min(used, key=used.__getitem__)
            del threads[oldest], used[oldest]


def carry_messages(state: RunState, seq: int, context: Context) -> None:
    """Note which unused messages of operators request `seq` carries.

    They count as used once it is answered. If it fails for good, the next request either goes on
    from its list (and carries them with it) or names them anew: they are neither lost nor doubled.
    """
    named = {segment.start for segment in context.segments if segment.source == "event"}
    for message in list(state.messages.values()):
        if message.seq in named or (
            message.carried_by is not None and message.carried_by == context.base
        ):
            state.messages[message.key] = message._replace(carried_by=seq)
