-- Schema 1 of a workspace's database.
-- Events never change: the triggers below refuse it, and `verify` finds what went round them.

CREATE TABLE workspace (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    workspace_id TEXT NOT NULL
) STRICT;

-- One row a run: whose it is, where its log ends, who drives it, and what the fleet shows of it.
-- They share a row because they change together: every append touches one page for all of them.
-- A number is never used again: what is on record of a deleted run says nothing of another.
CREATE TABLE runs (
    run_no INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    idempotency_key TEXT,
    parent_no INTEGER REFERENCES runs (run_no),
    parent_seq INTEGER,
    seq INTEGER NOT NULL,
    hash BLOB,
    epoch INTEGER NOT NULL DEFAULT 0,
    holder TEXT,
    rank INTEGER NOT NULL DEFAULT 7,
    sort_us INTEGER NOT NULL DEFAULT 0,
    changed_us INTEGER NOT NULL DEFAULT 0,
    cost_micros INTEGER NOT NULL DEFAULT 0,
    fleet TEXT
) STRICT;

CREATE UNIQUE INDEX runs_by_key ON runs (tenant, idempotency_key)
WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_by_need ON runs (rank, sort_us, run_no);
CREATE INDEX runs_by_tenant ON runs (tenant, rank, sort_us, run_no);
-- Adrift runs are the running ones of holders that are gone; rank 6 is NeedRank.RUNNING.
CREATE INDEX runs_driven ON runs (holder, sort_us, run_no) WHERE rank = 6;

-- `pos` orders the events of all runs as they were committed. `link` chains them all together, so
-- that one (pos, link) kept elsewhere stands for every head at that moment.
CREATE TABLE events (
    pos INTEGER PRIMARY KEY,
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    header TEXT NOT NULL,
    salt BLOB,
    payload TEXT,
    commitment BLOB,
    hash BLOB NOT NULL,
    link BLOB NOT NULL
) STRICT;

-- With the kind in it, looking for rare kinds in a long run reads this index and not the rows.
CREATE INDEX events_by_run ON events (run_no, seq, kind);

CREATE TABLE blobs (
    ref TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    digest BLOB,
    salt BLOB,
    content BLOB
) STRICT;

-- Equal content is kept once, but for what comes with a recording, under the salt of its origin.
CREATE INDEX blobs_by_digest ON blobs (tenant, digest) WHERE digest IS NOT NULL;

-- What was done to the workspace itself, by whom: the only licence to take anything out of it. An
-- import licences the tombstones that came with it.
CREATE TABLE acts (
    act_no INTEGER PRIMARY KEY,
    act TEXT NOT NULL CHECK (act IN ('erase', 'delete', 'import')),
    run_no INTEGER NOT NULL,
    run_id TEXT,
    seq INTEGER,
    blob TEXT,
    at_us INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE INDEX acts_by_run ON acts (run_no, seq);
CREATE INDEX acts_by_blob ON acts (blob) WHERE blob IS NOT NULL;

CREATE TABLE holders (
    holder TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    item_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    deadline_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (run_no, item_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX inbox_by_deadline ON inbox (deadline_us, since_us, run_no, item_id);

CREATE TABLE context (
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    thread INTEGER NOT NULL,
    place INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    part INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (run_no, thread, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    step_key TEXT NOT NULL,
    requested_seq INTEGER NOT NULL,
    completed_seq INTEGER,
    PRIMARY KEY (run_no, step_key, requested_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    account TEXT PRIMARY KEY,
    spent INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL DEFAULT 0,
    bound INTEGER,
    bound_by TEXT,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What runs have used, by day, model and tool: sums that every batch adds to.
CREATE TABLE ledger (
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    day TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    person TEXT NOT NULL,
    agent TEXT NOT NULL,
    cost_micros INTEGER NOT NULL,
    unknown_costs INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    model_calls INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    busy_us INTEGER NOT NULL,
    PRIMARY KEY (run_no, day, kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_by_day ON ledger (day, tenant);

-- What people note about events: beside the log, not in it.
CREATE TABLE bookmarks (
    bookmark_id TEXT PRIMARY KEY,
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    seq INTEGER NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX bookmarks_by_run ON bookmarks (run_no, seq);

CREATE TABLE snapshots (
    run_no INTEGER NOT NULL REFERENCES runs (run_no),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    fold_version INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (run_no, seq, fold_version)
) STRICT;

-- `INSERT OR REPLACE` passes by the triggers on DELETE, on connections that know nothing of us. So
-- a second row of one number or name is refused before any conflict clause is looked at.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE pos = NEW.pos)
    OR EXISTS (SELECT 1 FROM events WHERE run_no = NEW.run_no AND seq = NEW.seq)
BEGIN
    SELECT RAISE (ABORT, 'events never change: there is one of this number');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE (ABORT, 'events never change: they cannot be deleted');
END;

-- `IS NOT TRUE`, because a comparison with NULL is neither true nor false.
CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
WHEN (
    OLD.salt IS NOT NULL AND OLD.payload IS NOT NULL AND OLD.commitment IS NULL
    AND NEW.salt IS NULL AND NEW.payload IS NULL AND length(NEW.commitment) = 32
    AND NEW.pos = OLD.pos AND NEW.run_no = OLD.run_no AND NEW.seq = OLD.seq
    AND NEW.kind = OLD.kind AND NEW.at_us = OLD.at_us AND NEW.header = OLD.header
    AND NEW.hash = OLD.hash AND NEW.link = OLD.link
    AND EXISTS (
        SELECT 1 FROM acts WHERE act = 'erase' AND run_no = OLD.run_no AND seq = OLD.seq
    )
    -- Of a deleted run nothing is left but the places of its events in the chain over all runs,
    -- under the number of the act.
    OR NEW.run_no < 0 AND NEW.kind = '' AND NEW.at_us = 0 AND NEW.header = ''
    AND NEW.salt IS NULL AND NEW.payload IS NULL AND NEW.commitment IS NULL
    AND NEW.pos = OLD.pos AND NEW.seq = OLD.seq AND NEW.hash = OLD.hash AND NEW.link = OLD.link
    AND EXISTS (
        SELECT 1 FROM acts
        WHERE act = 'delete' AND act_no = -NEW.run_no AND run_no = OLD.run_no AND blob IS NULL
    )
) IS NOT TRUE
BEGIN
    SELECT RAISE (ABORT, 'events never change: only a recorded act may take their content out');
END;

CREATE TRIGGER blobs_are_not_replaced BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE ref = NEW.ref OR rowid = NEW.rowid)
BEGIN
    SELECT RAISE (ABORT, 'blobs never change: there is one of this name');
END;

CREATE TRIGGER blobs_are_not_deleted BEFORE DELETE ON blobs
WHEN NOT EXISTS (SELECT 1 FROM acts WHERE act = 'delete' AND blob = OLD.ref)
BEGIN
    SELECT RAISE (ABORT, 'blobs never change: they cannot be deleted');
END;

CREATE TRIGGER blobs_are_not_updated BEFORE UPDATE ON blobs
WHEN (
    NEW.rowid = OLD.rowid AND NEW.ref = OLD.ref AND NEW.tenant = OLD.tenant
    AND NEW.digest IS NULL AND NEW.salt IS NULL AND NEW.content IS NULL
    AND EXISTS (SELECT 1 FROM acts WHERE act = 'erase' AND blob = OLD.ref)
) IS NOT TRUE
BEGIN
    SELECT RAISE (ABORT, 'blobs never change: only a recorded act may erase their content');
END;

CREATE TRIGGER runs_are_not_replaced BEFORE INSERT ON runs
WHEN EXISTS (SELECT 1 FROM runs WHERE run_no = NEW.run_no OR run_id = NEW.run_id)
    OR EXISTS (
        SELECT 1 FROM runs WHERE tenant = NEW.tenant AND idempotency_key = NEW.idempotency_key
    )
BEGIN
    SELECT RAISE (ABORT, 'a run never changes: there is one of this id or key');
END;

CREATE TRIGGER runs_are_not_deleted BEFORE DELETE ON runs
WHEN NOT EXISTS (SELECT 1 FROM acts WHERE act = 'delete' AND run_no = OLD.run_no)
BEGIN
    SELECT RAISE (ABORT, 'runs cannot be deleted without a recorded act');
END;

CREATE TRIGGER runs_keep_their_identity
BEFORE UPDATE OF run_no, run_id, tenant, idempotency_key, parent_no, parent_seq ON runs
BEGIN
    SELECT RAISE (ABORT, 'a run never changes its id, its tenant, its key or its parent');
END;

CREATE TRIGGER acts_are_not_replaced BEFORE INSERT ON acts
WHEN EXISTS (SELECT 1 FROM acts WHERE act_no = NEW.act_no)
BEGIN
    SELECT RAISE (ABORT, 'what was done to the workspace stays on record');
END;

CREATE TRIGGER acts_are_not_deleted BEFORE DELETE ON acts
BEGIN
    SELECT RAISE (ABORT, 'what was done to the workspace stays on record');
END;

CREATE TRIGGER acts_are_not_updated BEFORE UPDATE ON acts
BEGIN
    SELECT RAISE (ABORT, 'what was done to the workspace stays on record');
END;

-- Its id begins the chain over all runs.
CREATE TRIGGER workspace_is_not_replaced BEFORE INSERT ON workspace
WHEN EXISTS (SELECT 1 FROM workspace)
BEGIN
    SELECT RAISE (ABORT, 'a workspace keeps its id');
END;

CREATE TRIGGER workspace_is_not_deleted BEFORE DELETE ON workspace
BEGIN
    SELECT RAISE (ABORT, 'a workspace keeps its id');
END;

CREATE TRIGGER workspace_is_not_updated BEFORE UPDATE ON workspace
BEGIN
    SELECT RAISE (ABORT, 'a workspace keeps its id');
END;
