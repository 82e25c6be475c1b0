"""The durable kernel of Quarterdeck: a library with no screen in it.

What stands here is what users import; everything else may move. `kernel/README.md` has the map.
"""

from quarterdeck_kernel.engine.journal import Decide, Journal
from quarterdeck_kernel.engine.log_reader import state_at
from quarterdeck_kernel.engine.verification import rebuild, verify
from quarterdeck_kernel.errors import QuarterdeckError
from quarterdeck_kernel.events.envelope import Event, open_record
from quarterdeck_kernel.kernel.opening import open_store
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.store.listing import FleetFilter
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.subscription import subscribe
from quarterdeck_kernel.vocabulary.actor import AGENT, KERNEL, Actor, operator

__all__ = [
    "AGENT",
    "KERNEL",
    "Actor",
    "Decide",
    "Event",
    "EventStore",
    "FleetFilter",
    "Journal",
    "QuarterdeckError",
    "RunState",
    "open_record",
    "open_store",
    "operator",
    "rebuild",
    "state_at",
    "subscribe",
    "verify",
]
