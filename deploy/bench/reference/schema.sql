-- The catalogue as somebody would lay it out who answers from Postgres alone: one
-- row a movie with its JSON ready, full text with weights, trigrams, and an index
-- for every filter and order. Used by both references.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE ref_movies (
    id         bigint NOT NULL,
    imdb_id    text,
    title      text NOT NULL,          -- lower case
    year       integer,
    rating     double precision,
    votes      bigint NOT NULL,
    popularity double precision NOT NULL,
    adult      boolean NOT NULL,
    genres     text[] NOT NULL,        -- lower case, as the other lists
    languages  text[] NOT NULL,
    countries  text[] NOT NULL,
    people     text[] NOT NULL,
    body       text NOT NULL,          -- names, overview and keywords, for full text
    names      text NOT NULL,
    doc        text NOT NULL,          -- the answer's item
    words      tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', names), 'B') ||
        setweight(to_tsvector('simple', body), 'D')) STORED
) WITH (fillfactor = 90);

CREATE TABLE ref_people (id bigint NOT NULL, name text NOT NULL, lower text NOT NULL, movies integer NOT NULL);
