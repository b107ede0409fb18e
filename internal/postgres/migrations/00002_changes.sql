-- Change capture. Every transaction that changes what a document shows leaves
-- the ids it touched in the WAL, as transactional logical messages: an outbox
-- without a table. Prefix "movies.changes.v1", content
--
--     <pg_current_xact_id()>:<id>,<id>,...        at most 50,000 ids
--
-- An id is bare for a movie, has p in front for a person, g for a genre, k for a
-- keyword. The Go side is changemessage.go; a test holds the two together.
--
-- The triggers are per statement, so that a bulk change costs one message; they
-- are ENABLE ALWAYS, so that session_replication_role does not silence them. No
-- table is partitioned: statement triggers fire for the table a statement names,
-- and would have to be repeated on every partition.

-- +goose Up

-- +goose StatementBegin
CREATE FUNCTION emit_changes(kind text, ids bigint[]) RETURNS void
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_logical_emit_message(true, 'movies.changes.v1',
                pg_current_xact_id()::text || ':' || string_agg(kind || id::text, ','))
        FROM unnest(ids) WITH ORDINALITY AS listed (id, n)
        GROUP BY (n - 1) / 50000;
END $$;
-- +goose StatementEnd

-- A revision counts transactions: a row that this transaction has written
-- already (xmin) keeps the revision it got then. In a subtransaction xmin is the
-- subtransaction's, and a transaction may count more than once; never less. An
-- update that changes nothing does not happen, so that xmin always means "has a
-- new revision".
-- +goose StatementBegin
CREATE FUNCTION revise_movie() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW IS NOT DISTINCT FROM OLD THEN
        RETURN NULL;
    END IF;
    NEW.revision := OLD.revision;
    IF OLD.xmin <> pg_current_xact_id()::xid THEN
        NEW.revision := OLD.revision + 1;
    END IF;
    NEW.created_at := OLD.created_at;
    NEW.updated_at := now();
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER movies_revise BEFORE UPDATE ON movies FOR EACH ROW EXECUTE FUNCTION revise_movie();
ALTER TABLE movies ENABLE ALWAYS TRIGGER movies_revise;

-- +goose StatementBegin
CREATE FUNCTION movies_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        PERFORM emit_changes('', ARRAY(SELECT id FROM new_rows));
    WHEN 'DELETE' THEN
        PERFORM emit_changes('', ARRAY(SELECT id FROM old_rows));
    ELSE
        PERFORM emit_changes('', ARRAY(SELECT id FROM old_rows UNION SELECT id FROM new_rows));
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- For rows that movies own. Movies not yet written by this transaction get a new
-- revision, which makes movies_changed emit them; the others, written before or
-- deleted, are emitted here. So a bulk import writes no movie twice, and no id
-- is left out whatever happened before in the transaction. Locks are taken in
-- the order of ids against deadlocks.
-- +goose StatementBegin
CREATE FUNCTION owned_rows_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ids bigint[];
    mine CONSTANT xid := pg_current_xact_id()::xid;
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        ids := ARRAY(SELECT DISTINCT movie_id FROM new_rows);
    WHEN 'DELETE' THEN
        ids := ARRAY(SELECT DISTINCT movie_id FROM old_rows);
    ELSE
        ids := ARRAY(SELECT DISTINCT movie_id FROM (
            (TABLE old_rows EXCEPT ALL TABLE new_rows) UNION ALL
            (TABLE new_rows EXCEPT ALL TABLE old_rows)) AS differing);
    END CASE;
    IF cardinality(ids) = 0 THEN
        RETURN NULL;
    END IF;

    PERFORM FROM movies WHERE id = ANY (ids) AND xmin <> mine ORDER BY id FOR NO KEY UPDATE;
    WITH revised AS (
        UPDATE movies SET revision = revision + 1 WHERE id = ANY (ids) AND xmin <> mine RETURNING id
    )
    SELECT array_agg(id) INTO ids FROM (SELECT unnest(ids) AS id EXCEPT SELECT id FROM revised) AS rest;
    PERFORM emit_changes('', ids);
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- For rows that movies share. The reader expands them to movies, for only it can
-- see credits that are being added concurrently. A rename is no change of the
-- movies: their revisions stay.
-- +goose StatementBegin
CREATE FUNCTION shared_rows_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        PERFORM emit_changes(TG_ARGV[0], ARRAY(SELECT id::bigint FROM new_rows));
    WHEN 'DELETE' THEN
        PERFORM emit_changes(TG_ARGV[0], ARRAY(SELECT id::bigint FROM old_rows));
    ELSE
        PERFORM emit_changes(TG_ARGV[0], ARRAY(SELECT DISTINCT id::bigint FROM (
            (TABLE old_rows EXCEPT ALL TABLE new_rows) UNION ALL
            (TABLE new_rows EXCEPT ALL TABLE old_rows)) AS differing));
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION refuse_truncate() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of "%" is refused: search would not learn of it', TG_TABLE_NAME
        USING ERRCODE = 'feature_not_supported', HINT = format('Use DELETE FROM %I.', TG_TABLE_NAME);
END $$;
-- +goose StatementEnd

-- The position of a row that is inserted without one: behind the last. The movie
-- is locked for that, in the order of the rows inserted: who appends to many
-- movies at once, beside others who do, inserts in the order of ids.
-- +goose StatementBegin
CREATE FUNCTION append_position() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM movies WHERE id = NEW.movie_id FOR NO KEY UPDATE;
    EXECUTE format('SELECT coalesce(max(position), 0) + 1 FROM %I WHERE movie_id = $1', TG_TABLE_NAME)
        INTO NEW.position USING NEW.movie_id;
    RETURN NEW;
END $$;
-- +goose StatementEnd

-- Rows that are shared are inserted before anything refers to them, except where
-- session_replication_role = replica has switched the foreign keys off: hence
-- ENABLE REPLICA for that one kind.
-- +goose StatementBegin
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM (VALUES
        ('movies',         'movies_changed',      '',  'ALWAYS'),
        ('credits',        'owned_rows_changed',  '',  'ALWAYS'),
        ('akas',           'owned_rows_changed',  '',  'ALWAYS'),
        ('movie_genres',   'owned_rows_changed',  '',  'ALWAYS'),
        ('movie_keywords', 'owned_rows_changed',  '',  'ALWAYS'),
        ('people',         'shared_rows_changed', 'p', 'REPLICA'),
        ('genres',         'shared_rows_changed', 'g', 'REPLICA'),
        ('keywords',       'shared_rows_changed', 'k', 'REPLICA')) AS tables (name, fn, kind, on_insert)
    LOOP
        EXECUTE format($ddl$
            CREATE TRIGGER %1$s_inserted AFTER INSERT ON %1$I REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION %2$I(%3$L);
            CREATE TRIGGER %1$s_updated AFTER UPDATE ON %1$I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION %2$I(%3$L);
            CREATE TRIGGER %1$s_deleted AFTER DELETE ON %1$I REFERENCING OLD TABLE AS old_rows
                FOR EACH STATEMENT EXECUTE FUNCTION %2$I(%3$L);
            CREATE TRIGGER %1$s_truncated BEFORE TRUNCATE ON %1$I
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
            ALTER TABLE %1$I ENABLE %4$s TRIGGER %1$s_inserted, ENABLE ALWAYS TRIGGER %1$s_updated,
                ENABLE ALWAYS TRIGGER %1$s_deleted, ENABLE ALWAYS TRIGGER %1$s_truncated;
        $ddl$, t.name, t.fn, t.kind, t.on_insert);
        IF t.fn = 'owned_rows_changed' THEN
            EXECUTE format($ddl$
                CREATE TRIGGER %1$s_append BEFORE INSERT ON %1$I FOR EACH ROW WHEN (NEW.position IS NULL)
                    EXECUTE FUNCTION append_position();
                ALTER TABLE %1$I ENABLE ALWAYS TRIGGER %1$s_append;
            $ddl$, t.name);
        END IF;
    END LOOP;
END $$;
-- +goose StatementEnd

-- Empty: pgoutput wants a publication even where only messages are read. It has
-- to exist before the slot is created.
CREATE PUBLICATION movies_changes;
