"""Models that nobody has named here before are told of: only their provider knows them."""

from itertools import chain
from pathlib import Path

import click

from quarterdeck.views.model_keys import key_variable


def warn_of_model(workspace: Path, model: str) -> None:
    """Say on standard error that a name stands nowhere here, and which do; it may be right."""
    # Who names a provider, or a family of models, has not mistyped a name of the settings.
    if "/" in model or key_variable(model) is not None:
        return
    from quarterdeck.views.plain import plain
    from quarterdeck_kernel.kernel.configured import settings_of
    from quarterdeck_kernel.kernel.offline import OFFLINE

    settings = settings_of(workspace)
    named = {OFFLINE}
    if settings is not None:
        listed = settings.tiers.models(settings.models).values()
        named |= {*settings.models, *chain.from_iterable(listed)}
        if settings.model is not None:
            named.add(settings.model)
    if model not in named:
        known = ", ".join(plain(name) for name in sorted(named))
        click.echo(
            f"quarterdeck: no settings name a model {plain(model)!r} (they know {known}); it is "
            "asked for as it stands, and may not be there",
            err=True,
        )
