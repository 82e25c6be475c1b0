"""What decides upon a workspace, with the tools that its settings name."""

from quarterdeck.kernel_link.clerk import Facade
from quarterdeck.kernel_link.workspace import Workspace
from quarterdeck_kernel import Decisions, EventStore, QuarterdeckError


def equipped(workspace: Workspace) -> Facade:
    """Return a facade that can ask the probes of the workspace's tools, whose Python it loads.

    Where the settings are wrong there are no tools; all else can be decided.
    """

    def made(store: EventStore) -> Decisions:
        # Tools and their schemas take long to import, and the first frame is not to wait.
        from quarterdeck_kernel.kernel.equipped import Equipped  # noqa: PLC0415

        try:
            return Equipped.upon(store, workspace.folder)
        except QuarterdeckError:
            return Decisions(store)

    return made
