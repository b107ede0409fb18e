-- The first load: filling an empty catalogue without paying for every row what
-- can be paid once at the end (firstload.go).

-- +goose Up

-- One row from the begin of a first load until its indexes and foreign keys are
-- back, whatever happens to the process in between.
CREATE TABLE first_load (
    id       boolean PRIMARY KEY DEFAULT true CONSTRAINT first_load_is_one CHECK (id),
    source   text NOT NULL,
    indexes  text[] NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now()
);

-- Put on the tables of the catalogue for as long: without foreign keys nobody but
-- the load, which checks what it writes, may write.
-- +goose StatementBegin
CREATE FUNCTION refuse_during_first_load() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF current_setting('movies.first_load', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'the first load of the catalogue has not ended: from %', (SELECT source FROM first_load)
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Wait for it, or run the same catalog command again if it was stopped.';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
