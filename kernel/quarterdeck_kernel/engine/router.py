"""The router: which model of a run's tier a request goes to, and why that one.

It speaks only where a run stands on a tier: where somebody has named a model, that one is asked.
A model that failed is passed over for a while, so that not every step of every run meets it first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from quarterdeck_kernel.engine.model_ask import AskedModel
from quarterdeck_kernel.projections.state import RunState
from quarterdeck_kernel.vocabulary.tiers import Route, Tiers

_DOWN_US = 60_000_000
"""So long a model that failed is passed over."""


class Routed(NamedTuple):
    """The model to ask, of which tier, and why it is not the first of the run's own tier."""

    model: str
    tier: str | None
    reason: str | None = None


class Router:
    """One for a kernel: it knows the tiers, the rules, and which models failed lately."""

    def __init__(self, tiers: Tiers | None = None, routes: Sequence[Route] = ()) -> None:
        self.tiers: dict[str, tuple[str, ...]] = dict(tiers or {})
        self._routes = tuple(routes)
        self._down: dict[str, tuple[int, str]] = {}

    def routed(self, asked: AskedModel, state: RunState, default: str, now_us: int) -> Routed:
        """Return where a request goes; a model that is insisted on is asked."""
        conditions = state.conditions
        own, model = conditions.tier, asked.model or conditions.model or default
        if asked.model is not None or model not in self.tiers.get(own or "", ()):
            # Of a tier that is known here, the label is only true of its own models.
            return Routed(model, self.tier_of(model) if own in self.tiers else own)
        assert own is not None, "it is a tier that was found"
        tier, reason = self._tier(asked, state, own)
        models = self.tiers[tier]
        first = model if tier == own else models[0]
        for name in (first, *models):
            if self._up(name, now_us):
                break
        else:
            name = first
        if name != first:
            failed = f"{first!r} failed: {self._down[first][1]}"
            reason = f"{reason}; {failed}" if reason else failed
        return Routed(name, tier, reason)

    def failed(self, model: str, why: str, now_us: int) -> None:
        """Remember that a model failed."""
        self._down[model] = now_us + _DOWN_US, why

    def next(self, asked: AskedModel, routed: Routed, now_us: int) -> bool:
        """Tell whether there is another model for a request whose model has failed."""
        models = self.tiers.get(routed.tier or "", ())
        if asked.model is not None or routed.model not in models:
            return False
        return any(self._up(name, now_us) for name in models)

    def resolved(self, model: str | None, tier: str | None) -> str | None:
        """Return the model that a run on a tier begins with."""
        if model is None and tier is not None and self.tiers.get(tier):
            return self.tiers[tier][0]
        return model

    def tier_of(self, model: str) -> str | None:
        """Return the tier of a model, if it stands in one."""
        return next((tier for tier, models in self.tiers.items() if model in models), None)

    def _tier(self, asked: AskedModel, state: RunState, own: str) -> tuple[str, str | None]:
        if self._routes:
            said = asked.messages[-1].text
            agent = state.identity.agent or ""
            for route in self._routes:
                if route.fits(purpose=asked.purpose, agent=agent, said=said):
                    # A tier without models is none to send anything to.
                    if self.tiers.get(route.tier) and route.tier != own:
                        return route.tier, f"rule {route.name!r}"
                    break
        return own, None

    def _up(self, model: str, now_us: int) -> bool:
        until_us, _why = self._down.get(model, (0, ""))
        return now_us >= until_us
