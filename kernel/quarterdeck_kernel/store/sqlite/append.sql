-- The append path, made anew on every writing connection: it belongs to this version of the
-- program and not to the file. One INSERT into `append` carries one row an event, for any number
-- of runs, and is one transaction with one flush.
--
-- A row that fails a fence is dropped alone (RAISE IGNORE), and so are the rows behind it of the
-- same batch, because the head they expect never came about. Everything that can refuse a batch is
-- looked at before its first change: IGNORE does not take changes back. The rows that got through
-- come back by RETURNING.

CREATE TEMP VIEW append AS
SELECT
    NULL AS ord, NULL AS run_id, NULL AS seq, NULL AS prev,
    NULL AS creates, NULL AS tenant, NULL AS idempotency_key, NULL AS parent_id,
    NULL AS epoch, NULL AS stands, NULL AS moves,
    NULL AS kind, NULL AS at_us, NULL AS header, NULL AS salt, NULL AS payload, NULL AS hash,
    NULL AS rank, NULL AS sort_us, NULL AS cost_micros, NULL AS fleet, NULL AS changes;

CREATE TEMP TRIGGER append_event INSTEAD OF INSERT ON append
WHEN NEW.run_id IS NOT NULL
BEGIN
    -- fences: creation
    SELECT RAISE (IGNORE)
    WHERE NEW.creates AND (
        EXISTS (SELECT 1 FROM main.runs WHERE run_id = NEW.run_id)
        OR EXISTS (
            SELECT 1 FROM main.runs
            WHERE tenant = NEW.tenant AND idempotency_key = NEW.idempotency_key
        )
        OR (
            NEW.parent_id IS NOT NULL
            AND NOT EXISTS (
                -- Up from the parent to the run that wrote the event, which it may itself share.
                WITH RECURSIVE line (run_no, parent_no, begins) AS (
                    SELECT p.run_no, p.parent_no, ifnull(p.parent_seq, 0)
                    FROM main.runs AS p
                    WHERE p.run_id = NEW.parent_id AND p.tenant = NEW.tenant
                    UNION ALL
                    SELECT p.run_no, p.parent_no, ifnull(p.parent_seq, 0)
                    FROM line AS l
                    JOIN main.runs AS p ON p.run_no = l.parent_no AND p.run_no < l.run_no
                    WHERE l.begins >= NEW.seq - 1
                )
                SELECT 1
                FROM line AS l
                JOIN main.events AS e
                    ON e.run_no = l.run_no AND e.seq = NEW.seq - 1 AND e.hash = NEW.prev
            )
        )
    );

    -- fences: head and lease
    SELECT RAISE (IGNORE)
    WHERE NOT NEW.creates AND NOT EXISTS (
        SELECT 1 FROM main.runs
        WHERE run_id = NEW.run_id
            AND seq = NEW.seq - 1
            AND hash = NEW.prev
            AND (NEW.epoch IS NULL OR epoch = NEW.epoch)
    );

    -- fences: what is answered still stands
    SELECT RAISE (IGNORE)
    WHERE NEW.stands IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM main.inbox
        WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)
            AND item_id = NEW.stands
    );

    -- fences: room in the accounts
    SELECT RAISE (IGNORE)
    WHERE EXISTS (
        SELECT 1
        FROM json_each(NEW.moves) AS m
        JOIN main.accounts AS a ON a.account = json_extract(m.value, '$.account')
        WHERE json_extract(m.value, '$.guarded')
            AND a.spent + a.reserved + json_extract(m.value, '$.reserve') > a.bound
    );

    -- fences: a blob that was found again is still there. Not IGNORE, for events of the batch before
    -- this one may stand already: the whole statement is taken back.
    SELECT RAISE (ABORT, 'the blob was erased')
    WHERE substr(NEW.payload, 1, 10) = '{"$blob":"' AND NOT EXISTS (
        SELECT 1 FROM main.blobs
        WHERE ref = json_extract(NEW.payload, '$."$blob"') AND content IS NOT NULL
    );

    -- changes
    INSERT INTO runs (run_id, tenant, idempotency_key, parent_no, parent_seq, seq, hash)
    SELECT
        NEW.run_id, NEW.tenant, NEW.idempotency_key,
        (SELECT run_no FROM main.runs WHERE run_id = NEW.parent_id),
        CASE WHEN NEW.parent_id IS NOT NULL THEN NEW.seq - 1 END,
        NEW.seq - 1, NEW.prev
    WHERE NEW.creates;

    INSERT INTO events
        (pos, run_no, seq, kind, at_us, header, salt, payload, hash, link)
    SELECT
        ifnull(newest.pos, 0) + 1, r.run_no, NEW.seq, NEW.kind, NEW.at_us,
        NEW.header, NEW.salt, NEW.payload, NEW.hash,
        chain_link(ifnull(newest.link, w.workspace_id), ifnull(newest.pos, 0) + 1, NEW.hash)
    FROM main.runs AS r
    JOIN main.workspace AS w
    LEFT JOIN (SELECT pos, link FROM main.events ORDER BY pos DESC LIMIT 1) AS newest
    WHERE r.run_id = NEW.run_id;

    UPDATE runs
    SET
        seq = NEW.seq,
        hash = NEW.hash,
        changed_us = ifnull(NEW.at_us, changed_us),
        cost_micros = ifnull(NEW.cost_micros, cost_micros),
        fleet = ifnull(NEW.fleet, fleet)
    WHERE run_id = NEW.run_id;

    -- The index by need is written only when the place in it changes.
    UPDATE runs SET rank = NEW.rank, sort_us = NEW.sort_us
    WHERE run_id = NEW.run_id AND NEW.rank IS NOT NULL
        AND (rank <> NEW.rank OR sort_us <> NEW.sort_us);

    INSERT INTO accounts (account, spent, reserved, version)
    SELECT
        json_extract(m.value, '$.account'),
        json_extract(m.value, '$.spend'),
        json_extract(m.value, '$.reserve'),
        1
    FROM json_each(NEW.moves) AS m
    WHERE true
    ON CONFLICT (account) DO UPDATE SET
        spent = spent + excluded.spent,
        reserved = reserved + excluded.reserved,
        version = version + 1;

    INSERT INTO changes_of (run_no, changes)
    SELECT run_no, NEW.changes FROM main.runs
    WHERE run_id = NEW.run_id AND NEW.changes IS NOT NULL;
END;

-- Rows of the projections other than the fleet's. Most events have none.
CREATE TEMP VIEW changes_of AS SELECT NULL AS run_no, NULL AS changes;

CREATE TEMP TRIGGER changes_of_run INSTEAD OF INSERT ON changes_of
BEGIN
    DELETE FROM inbox
    WHERE run_no = NEW.run_no
        AND item_id IN (SELECT value FROM json_each(NEW.changes, '$.closed'));

    INSERT OR REPLACE INTO inbox (run_no, item_id, tenant, deadline_us, since_us, item)
    SELECT
        NEW.run_no,
        json_extract(value, '$[1]'),
        json_extract(value, '$[3]'),
        ifnull(json_extract(value, '$[10]'), 9223372036854775807),
        json_extract(value, '$[7]'),
        value
    FROM json_each(NEW.changes, '$.opened');

    INSERT OR REPLACE INTO context (run_no, thread, place, seq, part, digest)
    SELECT
        NEW.run_no,
        json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
        json_extract(value, '$[3]'), json_extract(value, '$[4]')
    FROM json_each(NEW.changes, '$.context');

    INSERT OR REPLACE INTO steps (run_no, step_key, requested_seq, completed_seq)
    SELECT
        NEW.run_no,
        json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
    FROM json_each(NEW.changes, '$.steps');

    INSERT INTO ledger (
        run_no, day, kind, name, tenant, person, agent, cost_micros, unknown_costs, input_tokens,
        output_tokens, model_calls, tool_calls, busy_us
    )
    SELECT
        NEW.run_no,
        json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
        json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
        json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
        json_extract(value, '$[9]'), json_extract(value, '$[10]'), json_extract(value, '$[11]'),
        json_extract(value, '$[12]')
    FROM json_each(NEW.changes, '$.ledger')
    WHERE true
    ON CONFLICT (run_no, day, kind, name) DO UPDATE SET
        cost_micros = cost_micros + excluded.cost_micros,
        unknown_costs = unknown_costs + excluded.unknown_costs,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        model_calls = model_calls + excluded.model_calls,
        tool_calls = tool_calls + excluded.tool_calls,
        busy_us = busy_us + excluded.busy_us;
END;

-- Projections remade from the log, if the log still ends where they were folded from. Snapshots
-- follow from it too; a resume does without them until there are new ones.
CREATE TEMP VIEW rebuild AS
SELECT
    NULL AS run_id, NULL AS hash, NULL AS rank, NULL AS sort_us, NULL AS cost_micros,
    NULL AS fleet, NULL AS changes;

CREATE TEMP TRIGGER rebuild_run INSTEAD OF INSERT ON rebuild
BEGIN
    SELECT RAISE (IGNORE)
    WHERE NOT EXISTS (SELECT 1 FROM main.runs WHERE run_id = NEW.run_id AND hash = NEW.hash);

    DELETE FROM inbox
    WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM context
    WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM steps
    WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM ledger
    WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM snapshots
    WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);

    UPDATE runs
    SET rank = NEW.rank, sort_us = NEW.sort_us, cost_micros = NEW.cost_micros, fleet = NEW.fleet
    WHERE run_id = NEW.run_id;

    INSERT INTO changes_of (run_no, changes)
    SELECT run_no, NEW.changes FROM main.runs WHERE run_id = NEW.run_id;
END;

-- What events keep in blobs: their content, and what files held that they changed.
CREATE TEMP VIEW named_blobs AS
SELECT substr(payload, 11, 64) AS ref, run_no, seq FROM main.events
WHERE payload LIKE '{"$blob":"%'
UNION ALL
SELECT json_extract(header, '$.facts.before'), run_no, seq FROM main.events
WHERE kind = 'artifact_written' AND payload IS NOT NULL
UNION ALL
SELECT json_extract(header, '$.facts.after'), run_no, seq FROM main.events
WHERE kind = 'artifact_written' AND payload IS NOT NULL;

-- Erasing: the act and what it licenses, together. Snapshots behind the event may hold what is
-- erased, and so may the blobs that kept it.
CREATE TEMP VIEW erase AS
SELECT
    NULL AS run_no, NULL AS seq, NULL AS commitment, NULL AS blobs, NULL AS at_us,
    NULL AS actor, NULL AS reason;

CREATE TEMP TRIGGER erase_content INSTEAD OF INSERT ON erase
BEGIN
    -- Twice at once: the second finds nothing left to do.
    SELECT RAISE (IGNORE)
    WHERE EXISTS (
        SELECT 1 FROM main.events
        WHERE run_no = NEW.run_no AND seq = NEW.seq AND payload IS NULL
    );

    INSERT INTO acts (act, run_no, seq, at_us, actor, reason)
    VALUES ('erase', NEW.run_no, NEW.seq, NEW.at_us, NEW.actor, NEW.reason);

    UPDATE events SET salt = NULL, payload = NULL, commitment = NEW.commitment
    WHERE run_no = NEW.run_no AND seq = NEW.seq;

    -- Equal content of other events is not what was asked for. Looking through all events is slow
    -- and as rare as erasing a blob.
    INSERT INTO acts (act, run_no, seq, blob, at_us, actor, reason)
    SELECT 'erase', NEW.run_no, NEW.seq, value, NEW.at_us, NEW.actor, NEW.reason
    FROM json_each(NEW.blobs)
    WHERE value NOT IN (SELECT ref FROM named_blobs WHERE ref IS NOT NULL);

    UPDATE blobs SET digest = NULL, salt = NULL, content = NULL
    WHERE ref IN (SELECT value FROM json_each(NEW.blobs))
        AND EXISTS (SELECT 1 FROM main.acts WHERE act = 'erase' AND blob = ref AND seq = NEW.seq);

    DELETE FROM snapshots
    WHERE seq >= NEW.seq AND run_no IN (
        WITH RECURSIVE heirs (run_no) AS (
            SELECT NEW.run_no
            UNION
            SELECT f.run_no FROM main.runs AS f JOIN heirs AS h ON f.parent_no = h.run_no
        )
        SELECT run_no FROM heirs
    );
END;

-- Deleting a run whole, unless it went on, or a fork shares its events. What stays is the act, and
-- the place and the hash of each event: the chain over all runs is made of them.
CREATE TEMP VIEW deletion AS
SELECT
    NULL AS run_id, NULL AS hash, NULL AS epoch, NULL AS at_us, NULL AS actor, NULL AS reason;

CREATE TEMP TRIGGER delete_run INSTEAD OF INSERT ON deletion
BEGIN
    SELECT RAISE (IGNORE)
    WHERE NOT EXISTS (
        SELECT 1 FROM main.runs
        WHERE run_id = NEW.run_id AND hash = NEW.hash AND epoch = NEW.epoch
    )
    OR EXISTS (
        SELECT 1 FROM main.runs
        WHERE parent_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)
    );

    INSERT INTO acts (act, run_no, run_id, seq, at_us, actor, reason)
    SELECT 'delete', run_no, run_id, seq, NEW.at_us, NEW.actor, NEW.reason
    FROM main.runs WHERE run_id = NEW.run_id;

    INSERT INTO acts (act, run_no, blob, at_us, actor, reason)
    SELECT DISTINCT 'delete', own.run_no, own.ref, NEW.at_us, NEW.actor, NEW.reason
    FROM named_blobs AS own
    WHERE own.run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)
        AND own.ref IS NOT NULL
        AND own.ref NOT IN (
            SELECT ref FROM named_blobs
            WHERE ref IS NOT NULL
                AND run_no <> (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)
        );

    DELETE FROM blobs
    WHERE ref IN (
        SELECT blob FROM main.acts
        WHERE act = 'delete'
            AND run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)
    );

    UPDATE events
    SET
        run_no = -(
            SELECT act_no FROM main.acts
            WHERE act = 'delete' AND blob IS NULL
                AND run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id)
        ),
        kind = '', at_us = 0, header = '', salt = NULL, payload = NULL, commitment = NULL
    WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);

    DELETE FROM inbox WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM context WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM steps WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM ledger WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM bookmarks WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM snapshots WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM bookmarks WHERE run_no = (SELECT run_no FROM main.runs WHERE run_id = NEW.run_id);
    DELETE FROM runs WHERE run_id = NEW.run_id;
END;
