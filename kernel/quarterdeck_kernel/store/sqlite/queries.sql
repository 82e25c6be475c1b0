-- Named statements; what follows a name, up to the next one, is its text.

-- name: append_columns
-- The columns of `append`, in the order the writer binds them.
INSERT INTO append (
    ord, run_id, seq, prev, creates, tenant, idempotency_key, parent_id, epoch, stands, moves,
    kind, at_us, header, salt, payload, hash, rank, sort_us, cost_micros, fleet, changes
) VALUES

-- name: why_refused
-- What the fences of a refused batch looked at, to tell its writer what it lost to.
SELECT
    (SELECT seq FROM runs WHERE run_id = :run_id) AS seq,
    (SELECT hash FROM runs WHERE run_id = :run_id) AS hash,
    (SELECT epoch FROM runs WHERE run_id = :run_id) AS epoch,
    (SELECT holder FROM runs WHERE run_id = :run_id) AS holder,
    (SELECT run_id FROM runs WHERE tenant = :tenant AND idempotency_key = :key) AS keyed_run_id,
    (
        SELECT 1 FROM inbox JOIN runs USING (run_no)
        WHERE run_id = :run_id AND item_id = :stands
    ) AS stands,
    (
        SELECT a.account
        FROM json_each(:moves) AS m
        JOIN accounts AS a ON a.account = json_extract(m.value, '$.account')
        WHERE json_extract(m.value, '$.guarded')
            AND a.spent + a.reserved + json_extract(m.value, '$.reserve') > a.bound
        LIMIT 1
    ) AS account

-- name: run_info
SELECT r.run_id, r.tenant, r.seq, r.hash, p.run_id, r.parent_seq
FROM runs AS r
LEFT JOIN runs AS p ON p.run_no = r.parent_no
WHERE r.run_id = :run_id

-- name: lineage
-- The run and what it was forked from, nearest first, each with the seq at which its heir left it.
-- An event of a fork's prefix may itself be shared: each ancestor counts up to the earliest seq.
WITH RECURSIVE line (run_no, run_id, parent_no, parent_seq, until) AS (
    SELECT run_no, run_id, parent_no, parent_seq, seq FROM runs WHERE run_id = :run_id
    UNION ALL
    SELECT r.run_no, r.run_id, r.parent_no, r.parent_seq, min(l.parent_seq, l.until)
    FROM line AS l
    -- A parent is older than its heir; a damaged file may say otherwise, and go round for ever.
    JOIN runs AS r ON r.run_no = l.parent_no AND r.run_no < l.run_no
)
SELECT run_no, run_id, ifnull(parent_seq, 0), until FROM line

-- name: events_up
SELECT seq, kind, at_us, header, salt, payload, commitment, hash FROM events
WHERE run_no = :run_no AND seq > :after AND seq <= :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY seq LIMIT :limit

-- name: events_down
SELECT seq, kind, at_us, header, salt, payload, commitment, hash FROM events
WHERE run_no = :run_no AND seq > :after AND seq <= :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY seq DESC LIMIT :limit

-- name: facts_up
SELECT seq, kind, at_us, header, NULL, NULL, NULL, hash FROM events
WHERE run_no = :run_no AND seq > :after AND seq <= :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY seq LIMIT :limit

-- name: facts_down
SELECT seq, kind, at_us, header, NULL, NULL, NULL, hash FROM events
WHERE run_no = :run_no AND seq > :after AND seq <= :until
    AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
ORDER BY seq DESC LIMIT :limit

-- name: workspace_events
SELECT e.pos, r.run_id, e.seq, e.kind, e.at_us, e.header, e.salt, e.payload, e.commitment, e.hash
FROM events AS e
JOIN runs AS r USING (run_no)
WHERE e.pos > :after
ORDER BY e.pos LIMIT :limit

-- name: heads
SELECT run_id, seq, hash FROM runs WHERE run_id > :after ORDER BY run_id LIMIT :limit

-- name: checkpoint
-- The id as bytes: damage may have left no UTF-8.
SELECT CAST(w.workspace_id AS BLOB), ifnull(e.pos, 0), e.link
FROM workspace AS w
LEFT JOIN (SELECT pos, link FROM events ORDER BY pos DESC LIMIT 1) AS e

-- name: link_at
SELECT link FROM events WHERE pos = :pos

-- name: run_seq
SELECT seq FROM runs WHERE run_id = :run_id

-- name: position
SELECT ifnull(max(pos), 0) FROM events

-- name: blob
SELECT content FROM blobs WHERE ref = :ref

-- name: blob_by_digest
SELECT ref FROM blobs WHERE tenant = :tenant AND digest = :digest LIMIT 1

-- name: put_blob
INSERT INTO blobs (ref, tenant, digest, salt, content)
SELECT :ref, :tenant, :digest, :salt, :content
WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE tenant = :tenant AND digest = :digest)

-- name: inbox
SELECT r.run_id, i.deadline_us, i.since_us, i.run_no, i.item_id, i.item
FROM inbox AS i
JOIN runs AS r USING (run_no)
WHERE (i.deadline_us, i.since_us, i.run_no, i.item_id) > (:deadline_us, :since_us, :run_no, :item_id)
    AND (:tenant IS NULL OR i.tenant = :tenant)
ORDER BY i.deadline_us, i.since_us, i.run_no, i.item_id
LIMIT :limit

-- name: projections
-- With what listings go by: a row is only as good as the place it is found at.
SELECT r.run_no, r.fleet, r.rank, r.sort_us, r.cost_micros, r.seq
FROM runs AS r WHERE r.run_id = :run_id

-- name: inbox_of_run
SELECT item, item_id, tenant, since_us, nullif(deadline_us, 9223372036854775807)
FROM inbox WHERE run_no = :run_no ORDER BY item_id

-- name: context_of_run
SELECT thread, place, seq, part, digest FROM context WHERE run_no = :run_no ORDER BY thread, place

-- name: steps_of_run
SELECT step_key, requested_seq, completed_seq FROM steps WHERE run_no = :run_no ORDER BY step_key, requested_seq

-- name: ledger_of_run
SELECT
    day, kind, name, tenant, person, agent, cost_micros, unknown_costs, input_tokens,
    output_tokens, model_calls, tool_calls, busy_us
FROM ledger WHERE run_no = :run_no ORDER BY day, kind, name

-- name: ledger
-- One row for each value of what is grouped by; what is not is empty in it.
SELECT
    CASE WHEN :by_run THEN r.run_id ELSE '' END,
    CASE :by_time WHEN 'day' THEN l.day WHEN 'month' THEN substr(l.day, 1, 7) ELSE '' END,
    CASE WHEN :by_name THEN l.kind ELSE '' END,
    CASE WHEN :by_name THEN l.name ELSE '' END,
    CASE WHEN :by_tenant THEN l.tenant ELSE '' END,
    CASE WHEN :by_person THEN l.person ELSE '' END,
    CASE WHEN :by_agent THEN l.agent ELSE '' END,
    sum(l.cost_micros), sum(l.unknown_costs), sum(l.input_tokens), sum(l.output_tokens),
    sum(l.model_calls), sum(l.tool_calls), sum(l.busy_us)
FROM ledger AS l
JOIN runs AS r USING (run_no)
WHERE (:run_id IS NULL OR r.run_id = :run_id)
    AND (:since IS NULL OR l.day >= :since)
    AND (:until IS NULL OR l.day <= :until)
    AND (:tenant IS NULL OR l.tenant = :tenant)
    AND (:person IS NULL OR l.person = :person)
    AND (:agent IS NULL OR l.agent = :agent)
    AND (:kind IS NULL OR l.kind = :kind)
    AND (:called IS NULL OR l.name = :called)
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2, 3, 4, 5, 6, 7

-- name: context
SELECT thread, place, seq, part, digest FROM context
WHERE run_no = :run_no AND thread = :thread AND place < :before
ORDER BY place DESC LIMIT :limit

-- name: step
SELECT step_key, requested_seq, completed_seq FROM steps
WHERE run_no = :run_no AND step_key = :step_key AND requested_seq <= :until
ORDER BY requested_seq DESC LIMIT 1

-- name: rebuild
INSERT INTO rebuild (run_id, hash, rank, sort_us, cost_micros, fleet, changes)
VALUES (:run_id, :hash, :rank, :sort_us, :cost_micros, :fleet, :changes)
RETURNING run_id

-- name: lease
SELECT r.epoch, r.holder, h.host, h.pid, h.boot_id, h.expires_us
FROM runs AS r
LEFT JOIN holders AS h ON h.holder = r.holder
WHERE r.run_id = :run_id

-- name: claim
UPDATE runs SET epoch = epoch + 1, holder = :holder
WHERE run_id = :run_id AND (
    holder IS NULL
    OR holder = :holder
    OR NOT EXISTS (
        SELECT 1 FROM holders AS h
        WHERE h.holder = runs.holder AND h.boot_id = :boot_id AND h.expires_us > :now_us
    )
)
RETURNING epoch

-- name: release
UPDATE runs SET holder = NULL WHERE run_id = :run_id AND holder = :holder AND epoch = :epoch

-- name: release_all
UPDATE runs SET holder = NULL WHERE holder = :holder

-- name: register
INSERT INTO holders (holder, host, pid, boot_id, expires_us)
VALUES (:holder, :host, :pid, :boot_id, :expires_us)
ON CONFLICT (holder) DO UPDATE SET boot_id = excluded.boot_id, expires_us = excluded.expires_us

-- name: holders
SELECT holder, boot_id, expires_us FROM holders

-- name: expire_holder
UPDATE holders SET expires_us = 0 WHERE holder = :holder AND expires_us = :seen_us

-- name: forget_holder
DELETE FROM holders WHERE holder = :holder

-- name: accounts
SELECT account, spent, reserved, bound, bound_by, version
FROM accounts WHERE account IN (SELECT value FROM json_each(:names))

-- name: set_limit
INSERT INTO accounts (account, spent, bound, bound_by, version)
SELECT :account, :spent, :bound, :bound_by, 1
WHERE :version = 0 OR EXISTS (
    SELECT 1 FROM accounts WHERE account = :account AND version = :version
)
ON CONFLICT (account) DO UPDATE SET bound = excluded.bound, bound_by = excluded.bound_by,
    version = version + 1
WHERE version = :version
RETURNING spent, reserved, bound, bound_by, version

-- name: put_bookmark
INSERT INTO bookmarks (bookmark_id, run_no, seq, note, actor, at_us)
SELECT :bookmark_id, run_no, :seq, :note, :actor, :at_us
FROM runs WHERE run_id = :run_id AND :seq BETWEEN 1 AND seq
ON CONFLICT DO UPDATE SET bookmark_id = bookmark_id
RETURNING bookmark_id

-- name: drop_bookmark
DELETE FROM bookmarks WHERE bookmark_id = :bookmark_id RETURNING bookmark_id

-- name: bookmarks
SELECT bookmark_id, seq, note, actor, at_us FROM bookmarks
WHERE run_no = :run_no AND seq <= :until ORDER BY seq

-- name: put_snapshot
INSERT INTO snapshots (run_no, seq, hash, fold_version, state)
SELECT r.run_no, e.seq, e.hash, :fold_version, :state
FROM runs AS r
JOIN events AS e ON e.run_no = r.run_no AND e.seq = :seq AND e.hash = :hash
WHERE r.run_id = :run_id
ON CONFLICT DO UPDATE SET hash = excluded.hash, state = excluded.state

-- name: snapshot
-- Not a join: SQLite would hand `seq <= :until` on to the events, and go through all of them.
SELECT s.seq, s.hash, s.fold_version, s.state
FROM snapshots AS s
WHERE s.run_no = :run_no AND s.seq <= :until AND s.fold_version = :fold_version
    AND EXISTS (
        SELECT 1 FROM events AS e
        WHERE e.run_no = s.run_no AND e.seq = s.seq AND e.hash = s.hash
    )
ORDER BY s.seq DESC LIMIT 1

-- name: erase_target
SELECT run_no FROM events
WHERE run_no = (SELECT run_no FROM runs WHERE run_id = :run_id) AND seq = :seq

-- name: erase
INSERT INTO erase (run_no, seq, commitment, blobs, at_us, actor, reason)
VALUES (:run_no, :seq, :commitment, :blobs, :at_us, :actor, :reason)

-- name: deletion
INSERT INTO deletion (run_id, hash, epoch, at_us, actor, reason)
VALUES (:run_id, :hash, :epoch, :at_us, :actor, :reason)
RETURNING run_id

-- name: forks
SELECT run_id FROM runs
WHERE parent_no = (SELECT run_no FROM runs WHERE run_id = :run_id)
ORDER BY run_no LIMIT :limit

-- name: acts
SELECT a.act_no, a.act, ifnull(a.run_id, r.run_id), a.seq, a.blob, a.at_us, a.actor, a.reason
FROM acts AS a
LEFT JOIN runs AS r ON r.run_no = a.run_no
WHERE a.act_no > :after
ORDER BY a.act_no LIMIT :limit

-- name: sealed_blob
SELECT salt, content FROM blobs WHERE ref = :ref

-- name: gather_event
INSERT INTO arriving.events (seq, kind, at_us, header, salt, payload, commitment, hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: gather_blob
INSERT INTO arriving.blobs (ref, digest, salt, content)
VALUES (:ref, :digest, :salt, :content)
ON CONFLICT DO NOTHING

-- name: gather_snapshot
INSERT INTO arriving.snapshots (seq, hash, fold_version, state)
VALUES (:seq, :hash, :fold_version, :state)

-- name: take_in_run
INSERT INTO runs (run_id, tenant, idempotency_key, parent_no, parent_seq, seq, hash)
VALUES (
    :run_id, :tenant, :key, (SELECT run_no FROM runs WHERE run_id = :parent_id), :parent_seq, 0, NULL
)
RETURNING run_no

-- name: take_in_events
-- In the order of the log, in which their places in the chain are made.
INSERT INTO main.events (
    pos, run_no, seq, kind, at_us, header, salt, payload, commitment, hash, link
)
SELECT
    newest.pos + e.seq - first.seq + 1, :run_no, e.seq, e.kind, e.at_us,
    e.header, e.salt, e.payload, e.commitment, e.hash,
    next_link(newest.pos + e.seq - first.seq + 1, e.hash)
FROM (SELECT ifnull(max(pos), 0) AS pos FROM main.events) AS newest
JOIN (SELECT min(seq) AS seq FROM arriving.events) AS first
JOIN arriving.events AS e
ORDER BY e.seq

-- name: take_in_blobs
INSERT INTO main.blobs (ref, tenant, digest, salt, content)
SELECT a.ref, :tenant, a.digest, a.salt, a.content FROM arriving.blobs AS a
WHERE NOT EXISTS (SELECT 1 FROM main.blobs AS b WHERE b.ref = a.ref)

-- name: take_in_erased_blob
SELECT a.ref FROM arriving.blobs AS a
JOIN main.blobs AS b ON b.ref = a.ref
WHERE b.content IS NULL LIMIT 1

-- name: take_in_snapshots
INSERT INTO main.snapshots (run_no, seq, hash, fold_version, state)
SELECT :run_no, seq, hash, fold_version, state FROM arriving.snapshots

-- name: take_in_head
UPDATE runs
SET
    seq = :seq, hash = :hash, epoch = :epoch, changed_us = :changed_us, rank = :rank,
    sort_us = :sort_us, cost_micros = :cost_micros, fleet = :fleet
WHERE run_no = :run_no

-- name: take_in_act
INSERT INTO acts (act, run_no, run_id, seq, at_us, actor, reason)
VALUES ('import', :run_no, :run_id, NULL, :at_us, :actor, :reason)

-- name: take_in_tombstone
INSERT INTO acts (act, run_no, seq, at_us, actor, reason) VALUES ('import', ?, ?, ?, ?, ?)

-- name: take_in_rows
INSERT INTO changes_of (run_no, changes) VALUES (:run_no, :changes)

-- name: verify_runs
-- One statement, so that heads and the newest position belong together however much is appended.
-- Texts come as bytes: a flipped bit may have left no UTF-8.
SELECT
    ifnull(newest.pos, 0),
    run_no, CAST(run_id AS BLOB), CAST(tenant AS BLOB), CAST(idempotency_key AS BLOB),
    parent_no, ifnull(parent_seq, 0), seq, hash, epoch
FROM (SELECT max(pos) AS pos FROM events) AS newest
LEFT JOIN runs

-- name: verify_events
-- The last column tells whether an act is on record that took the content out.
SELECT
    pos, run_no, seq, CAST(kind AS BLOB), at_us, CAST(header AS BLOB), salt,
    CAST(payload AS BLOB), commitment, hash, link,
    payload IS NULL AND EXISTS (
        SELECT 1 FROM acts AS a
        WHERE a.act IN ('erase', 'import') AND a.run_no = events.run_no AND a.seq = events.seq
    )
    OR run_no < 0 AND EXISTS (
        SELECT 1 FROM acts AS a
        WHERE a.act = 'delete' AND a.act_no = -events.run_no AND a.blob IS NULL
    )
FROM events
WHERE pos > :after AND pos <= :until
ORDER BY pos LIMIT :limit

-- name: verify_run_events
SELECT
    pos, run_no, seq, CAST(kind AS BLOB), at_us, CAST(header AS BLOB), salt,
    CAST(payload AS BLOB), commitment, hash, link,
    payload IS NULL AND EXISTS (
        SELECT 1 FROM acts AS a
        WHERE a.act IN ('erase', 'import') AND a.run_no = events.run_no AND a.seq = events.seq
    )
FROM events
WHERE run_no = :run_no AND seq > :after AND pos <= :until
ORDER BY seq LIMIT :limit

-- name: verify_blob
SELECT
    CAST(ref AS BLOB), CAST(tenant AS BLOB), digest, salt, content,
    EXISTS (SELECT 1 FROM acts AS a WHERE a.act = 'erase' AND a.blob = blobs.ref)
FROM blobs WHERE ref = :ref

-- name: verify_blobs
SELECT
    CAST(ref AS BLOB), CAST(tenant AS BLOB), digest, salt, content,
    EXISTS (SELECT 1 FROM acts AS a WHERE a.act = 'erase' AND a.blob = blobs.ref), rowid
FROM blobs WHERE rowid > :after ORDER BY rowid LIMIT 1
