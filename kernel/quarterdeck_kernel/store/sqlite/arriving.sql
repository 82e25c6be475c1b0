-- Where a run from elsewhere is gathered before it is taken in: in a file without a name, which is
-- taken off the disk as soon as it is open.

ATTACH '' AS arriving;

CREATE TABLE arriving.events (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    header TEXT NOT NULL,
    salt BLOB,
    payload TEXT,
    commitment BLOB,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE arriving.blobs (
    ref TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    salt BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE arriving.snapshots (
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    fold_version INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;
