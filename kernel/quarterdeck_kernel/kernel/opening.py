"""Opening a workspace's store by its name."""

from pathlib import Path

from quarterdeck_kernel.clock import Clock
from quarterdeck_kernel.errors import StoreUnsupportedError
from quarterdeck_kernel.store.port import EventStore
from quarterdeck_kernel.store.sqlite.folder import DATABASE
from quarterdeck_kernel.store.sqlite.store import SqliteStore

MEMORY = ":memory:"


async def open_store(
    workspace: Path | str,
    *,
    clock: Clock | None = None,
    create: bool = True,
    accept_rewound: bool = False,
    durable: bool = True,
    readonly: bool = False,
) -> EventStore:
    """Open the store of a workspace folder, or one in memory for `":memory:"`.

    The folder is made if there is none and `create` allows it. A database that ends before what
    this folder remembers of it is refused unless `accept_rewound` says that this is meant. What is
    not `durable` is not waited for to be on the disk: for folders that go with their process. What
    is `readonly` refuses all that changes anything, whoever asks.
    """
    if "://" in str(workspace):
        raise StoreUnsupportedError(
            f"there is no store for addresses such as {workspace!r} yet; name a folder on a disk"
        )
    if workspace == MEMORY:
        return await SqliteStore.open(":memory:", clock=clock)
    database = Path(workspace) / DATABASE
    return await SqliteStore.open(
        database,
        clock=clock,
        create=create,
        accept_rewound=accept_rewound,
        durable=durable,
        readonly=readonly,
    )


def is_fresh(workspace: Path) -> bool:
    """Tell whether a folder is there that has never held a store."""
    return workspace.is_dir() and not any(workspace.glob(f"{DATABASE}*"))
