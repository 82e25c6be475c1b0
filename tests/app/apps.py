"""The app as tests run it: a frozen source, UTC, nothing that moves."""

from datetime import UTC

from quarterdeck.app import QuarterdeckApp
from quarterdeck.views.glimpse import Source
from tests.app.frozen import fleet


def still_app(source: Source | None = None) -> QuarterdeckApp:
    app = QuarterdeckApp(source or fleet(), zone=UTC)
    app.animation_level = "none"
    return app
