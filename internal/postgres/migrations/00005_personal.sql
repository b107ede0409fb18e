-- What people keep for themselves: a watchlist and ratings, by their subject at
-- the OpenID provider.
--
-- A movie's rating and votes as readers see them are the imported ones, which
-- stay in movies, mixed with the users' (documents.go). For that, every change of
-- ratings leaves a difference in rating_changes, and a batch folds the differences
-- into rating_totals: however many people rate a movie within a second, it
-- changes once for search, and nobody waits for a row that everybody writes. The
-- movie's revision stays, so that raters do not get into the way of editors.

-- +goose Up

CREATE TABLE watchlist (
    subject  text COLLATE "C" NOT NULL CHECK (subject <> ''),
    movie_id bigint NOT NULL REFERENCES movies ON UPDATE CASCADE ON DELETE CASCADE,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, movie_id)
);
CREATE INDEX watchlist_movie ON watchlist (movie_id);

CREATE TABLE ratings (
    subject  text COLLATE "C" NOT NULL CHECK (subject <> ''),
    movie_id bigint NOT NULL REFERENCES movies ON UPDATE CASCADE ON DELETE CASCADE,
    tenths   smallint NOT NULL CONSTRAINT ratings_are_from_0_to_10 CHECK (tenths BETWEEN 0 AND 100),
    rated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, movie_id)
);
CREATE INDEX ratings_movie ON ratings (movie_id);

CREATE TABLE rating_changes (
    movie_id bigint NOT NULL REFERENCES movies ON UPDATE CASCADE ON DELETE CASCADE,
    votes    bigint NOT NULL,
    tenths   bigint NOT NULL
);
CREATE INDEX rating_changes_movie ON rating_changes (movie_id);

CREATE TABLE rating_totals (
    movie_id bigint PRIMARY KEY REFERENCES movies ON UPDATE CASCADE ON DELETE CASCADE,
    votes    bigint NOT NULL,
    tenths   bigint NOT NULL
);

-- A rating that got another movie_id followed its movie, as the totals and the
-- differences do. The ratings of a movie that is deleted leave no difference.
-- +goose StatementBegin
CREATE FUNCTION ratings_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO rating_changes SELECT movie_id, count(*), sum(tenths) FROM new_rows GROUP BY movie_id;
    WHEN 'DELETE' THEN
        INSERT INTO rating_changes SELECT movie_id, -count(*), -sum(tenths) FROM old_rows
            WHERE EXISTS (SELECT FROM movies WHERE id = movie_id) GROUP BY movie_id;
    ELSE
        INSERT INTO rating_changes SELECT movie_id, 0, sum(n.tenths - o.tenths) FROM old_rows o JOIN new_rows n USING (subject, movie_id)
            WHERE n.tenths <> o.tenths GROUP BY movie_id;
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER ratings_inserted AFTER INSERT ON ratings REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ratings_changed();
CREATE TRIGGER ratings_updated AFTER UPDATE ON ratings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ratings_changed();
CREATE TRIGGER ratings_deleted AFTER DELETE ON ratings REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ratings_changed();
CREATE TRIGGER ratings_truncated BEFORE TRUNCATE ON ratings FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
ALTER TABLE ratings ENABLE ALWAYS TRIGGER ratings_inserted, ENABLE ALWAYS TRIGGER ratings_updated,
    ENABLE ALWAYS TRIGGER ratings_deleted, ENABLE ALWAYS TRIGGER ratings_truncated;

-- Totals are part of the document.
-- +goose StatementBegin
CREATE FUNCTION rating_totals_changed() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    CASE TG_OP
    WHEN 'DELETE' THEN
        PERFORM emit_changes('', ARRAY(SELECT movie_id FROM old_rows));
    WHEN 'INSERT' THEN
        PERFORM emit_changes('', ARRAY(SELECT movie_id FROM new_rows));
    ELSE
        PERFORM emit_changes('', ARRAY(SELECT movie_id FROM old_rows UNION SELECT movie_id FROM new_rows));
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER rating_totals_inserted AFTER INSERT ON rating_totals REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rating_totals_changed();
CREATE TRIGGER rating_totals_updated AFTER UPDATE ON rating_totals REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rating_totals_changed();
CREATE TRIGGER rating_totals_deleted AFTER DELETE ON rating_totals REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rating_totals_changed();
CREATE TRIGGER rating_totals_truncated BEFORE TRUNCATE ON rating_totals FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
ALTER TABLE rating_totals ENABLE ALWAYS TRIGGER rating_totals_inserted, ENABLE ALWAYS TRIGGER rating_totals_updated,
    ENABLE ALWAYS TRIGGER rating_totals_deleted, ENABLE ALWAYS TRIGGER rating_totals_truncated;
