"""The store contract: what `store.port` promises, as tests that an adapter must pass.

Subclass `StoreContract` (and `RivalStoreContract`, if two stores can share their data) in a test
module, under a name that begins with `Test`, and say how a store is opened. pytest with
pytest-asyncio in auto mode collects the rest.
"""

from quarterdeck_kernel.testing.contract.accounts import AccountContract
from quarterdeck_kernel.testing.contract.appending import AppendContract, BurstContract
from quarterdeck_kernel.testing.contract.bookmarks import BookmarkContract
from quarterdeck_kernel.testing.contract.care import (
    BackupContract,
    EraseContract,
    RebuildContract,
    VerifyContract,
)
from quarterdeck_kernel.testing.contract.creating import CreationContract, ForkContract
from quarterdeck_kernel.testing.contract.ending import (
    CancellationContract,
    CloseContract,
    ReopenContract,
)
from quarterdeck_kernel.testing.contract.keeping import (
    BlobContract,
    ContextContract,
    InboxContract,
    SnapshotContract,
)
from quarterdeck_kernel.testing.contract.leases import LeaseContract, RivalLeaseContract
from quarterdeck_kernel.testing.contract.listing import FilterContract, ListingContract
from quarterdeck_kernel.testing.contract.moving import DeleteContract, TakeInContract
from quarterdeck_kernel.testing.contract.news import NewsContract
from quarterdeck_kernel.testing.contract.operators import OperatorContract
from quarterdeck_kernel.testing.contract.reading import ReadContract
from quarterdeck_kernel.testing.contract.stage import Contract


class StoreContract(  # every part of the contract that one store can be held to
    AppendContract,
    BurstContract,
    CreationContract,
    ForkContract,
    ReadContract,
    LeaseContract,
    OperatorContract,
    AccountContract,
    ListingContract,
    FilterContract,
    InboxContract,
    ContextContract,
    SnapshotContract,
    BlobContract,
    BookmarkContract,
    NewsContract,
    VerifyContract,
    EraseContract,
    BackupContract,
    RebuildContract,
    DeleteContract,
    CancellationContract,
    CloseContract,
):
    """The contract of one store. With `shared = False` second handles are the first one."""


class RivalStoreContract(RivalLeaseContract, ReopenContract, TakeInContract):
    """The contract of several stores on the same data, at once and one after the other."""


__all__ = ["Contract", "RivalStoreContract", "StoreContract"]
