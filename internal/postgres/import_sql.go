package postgres

import "slices"

// importLock is the advisory lock of the one import at a time. namesLock is held
// by every transaction that may create people by name, so that two do not both;
// it is taken before any row, so that nobody waits in a circle.
const (
	importLock = 0x6d6f766965730001
	namesLock  = 0x6d6f766965730002
)

// Lines are staged as they are, one row each, and written set-based from there.
const createStaging = `
CREATE TEMP TABLE IF NOT EXISTS import_lines (
	line bigint, id bigint, imdb_id text, key bytea, title text, original_title text, year integer, release_date date,
	runtime integer, overview text, rating double precision, votes bigint, popularity double precision, poster_url text,
	adult boolean, languages text[], countries text[], characters text[], akas text[], genres text[], keywords text[],
	person_ids bigint[], person_keys text[], names text[], roles text[], positions smallint[],
	existing boolean, changed boolean NOT NULL DEFAULT false
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS import_credits (
	line bigint, n bigint, movie_id bigint, person_id bigint, person_key text, name text, role text, position smallint
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS import_people (id bigint, name text) ON COMMIT DELETE ROWS`

var stagedColumns = []string{
	"line", "id", "imdb_id", "key", "title", "original_title", "year", "release_date",
	"runtime", "overview", "rating", "votes", "popularity", "poster_url", "adult",
	"languages", "countries", "characters", "akas", "genres", "keywords",
	"person_ids", "person_keys", "names", "roles", "positions",
}

// findMovies tells which movies the lines are about.
var findMovies = []string{
	`ANALYZE import_lines (line, id, imdb_id)`,
	`UPDATE import_lines s SET id = m.id FROM movies m WHERE s.id IS NULL AND m.imdb_id = s.imdb_id`,
	`UPDATE import_lines s SET id = m.id FROM import_keys k JOIN movies m ON m.id = k.movie_id
		WHERE s.id IS NULL AND k.key = s.key AND (s.imdb_id IS NULL OR m.imdb_id IS NULL)`,
}

// secondMention is the first line about a movie that an earlier line is about.
const secondMention = `
SELECT min(line) FROM (SELECT line, row_number() OVER (PARTITION BY id ORDER BY line) AS mention FROM import_lines WHERE id IS NOT NULL) AS mentions
WHERE mention > 1`

// takenIMDbIDs removes the lines whose imdb_id belongs to another movie.
const takenIMDbIDs = `
DELETE FROM import_lines s USING movies m WHERE m.imdb_id = s.imdb_id AND m.id <> s.id
RETURNING s.line, m.imdb_id, m.id, m.title`

// placeMovies gives new movies their ids, behind all ids that were given; those
// that JavaScript cannot hold do not count.
var placeMovies = []string{
	`SELECT setval('movies_id_seq', wanted.id) FROM movies_id_seq, (SELECT greatest((SELECT max(id) FROM movies WHERE id < 1::bigint << 53),
		(SELECT max(id) FROM import_lines WHERE id < 1::bigint << 53)) AS id) AS wanted
		WHERE wanted.id > last_value OR wanted.id = last_value AND NOT is_called`,
	`UPDATE import_lines s SET existing = EXISTS (SELECT FROM movies m WHERE m.id = s.id) WHERE id IS NOT NULL`,
	`UPDATE import_lines s SET id = fresh.id, existing = false
		FROM (SELECT line, nextval('movies_id_seq') AS id FROM (SELECT line FROM import_lines WHERE id IS NULL ORDER BY line) AS o) AS fresh
		WHERE fresh.line = s.line`,
}

// writeMovies writes the rows that are new or differ, and so locks them early.
var writeMovies = []string{
	`WITH written AS (
		UPDATE movies m SET (imdb_id, title, original_title, year, release_date, runtime, overview, rating, votes, popularity, poster_url, adult,
				languages, countries, characters)
			= (s.imdb_id, s.title, s.original_title, s.year, s.release_date, s.runtime, s.overview, s.rating, s.votes, s.popularity, s.poster_url, s.adult,
				s.languages, s.countries, s.characters)
			FROM import_lines s WHERE m.id = s.id AND s.existing AND
				(m.imdb_id, m.title, m.original_title, m.year, m.release_date, m.runtime, m.overview, m.rating, m.votes, m.popularity, m.poster_url, m.adult,
				m.languages::text[], m.countries::text[], m.characters::text[])
				IS DISTINCT FROM
				(s.imdb_id, s.title, s.original_title, s.year, s.release_date, s.runtime, s.overview, s.rating, s.votes, s.popularity, s.poster_url, s.adult,
				s.languages, s.countries, s.characters)
			RETURNING m.id)
		UPDATE import_lines s SET changed = true FROM written WHERE s.id = written.id`,
	`INSERT INTO movies (id, imdb_id, title, original_title, year, release_date, runtime, overview, rating, votes, popularity, poster_url, adult,
			languages, countries, characters)
		SELECT id, imdb_id, title, original_title, year, release_date, runtime, overview, rating, votes, popularity, poster_url, adult,
			languages, countries, characters
		FROM import_lines WHERE NOT existing ORDER BY id`,
}

// keepUnknown takes from the movies what IMDb knows nothing of.
var keepUnknown = []string{
	`UPDATE import_lines s SET (release_date, overview, popularity, poster_url, languages, countries, keywords)
		= (m.release_date, m.overview, m.popularity, m.poster_url, m.languages::text[], m.countries::text[],
			ARRAY(SELECT k.name::text FROM movie_keywords JOIN keywords k ON k.id = keyword_id WHERE movie_id = m.id ORDER BY position))
		FROM movies m WHERE m.id = s.id AND s.existing`,
}

// findKnownPeople puts ids to credits that have an identifier at IMDb: of the
// person who has it; of one without who has the name and the credit already, who
// gets it; of somebody new. A person is renamed to what IMDb says, which is the
// same in all credits.
var findKnownPeople = []string{
	`UPDATE import_credits s SET person_id = p.id FROM people p WHERE p.imdb_id = s.person_key`,
	`UPDATE people p SET name = s.name FROM import_credits s WHERE p.id = s.person_id AND p.name <> s.name`,
	`WITH alike AS (SELECT DISTINCT ON (p.id) p.id, s.person_key, s.line, s.n FROM import_credits s JOIN credits c ON c.movie_id = s.movie_id AND c.role = s.role
				JOIN people p ON p.id = c.person_id
			WHERE s.person_id IS NULL AND p.imdb_id IS NULL AND p.name = s.name
			ORDER BY p.id, s.line, c.position <> s.position, s.n),
		chosen AS (SELECT DISTINCT ON (person_key) id, person_key FROM alike ORDER BY person_key, line, n),
		named AS (UPDATE people p SET imdb_id = person_key FROM chosen WHERE p.id = chosen.id RETURNING p.id, imdb_id)
		UPDATE import_credits s SET person_id = named.id FROM named WHERE s.person_key = named.imdb_id`,
	`WITH fresh AS (INSERT INTO people (name, imdb_id) SELECT min(name), person_key FROM import_credits
				WHERE person_id IS NULL GROUP BY person_key ORDER BY min(ARRAY[line, n]) RETURNING id, imdb_id)
		UPDATE import_credits s SET person_id = fresh.id FROM fresh WHERE s.person_key = fresh.imdb_id`,
}

// stageCredits takes the lists of credits apart.
var stageCredits = []string{
	`INSERT INTO import_credits SELECT s.line, c.n, s.id, c.person_id, c.person_key, c.name, c.role, c.position
		FROM import_lines s, unnest(s.person_ids, s.person_keys, s.names, s.roles, s.positions) WITH ORDINALITY AS c (person_id, person_key, name, role, position, n)`,
	`SET LOCAL default_statistics_target = 10`, // a tenth of the rows tells enough
	`ANALYZE import_credits (line, movie_id, person_id, person_key, name)`,
}

// findPeople puts ids to the credits that have none.
var findPeople = []string{
	// People with ids: as they are named last.
	`INSERT INTO import_people SELECT DISTINCT ON (person_id) person_id AS id, name FROM import_credits
		WHERE person_id IS NOT NULL ORDER BY person_id, line DESC, n DESC`,
	`UPDATE people p SET name = s.name FROM import_people s WHERE p.id = s.id AND p.name <> s.name`,
	`INSERT INTO people (id, name) SELECT id, name FROM import_people s WHERE NOT EXISTS (SELECT FROM people p WHERE p.id = s.id) ORDER BY id`,
	`SELECT setval('people_id_seq', wanted.id) FROM people_id_seq,
		(SELECT max(id) AS id FROM import_people WHERE id < 1::bigint << 53) AS wanted
		WHERE wanted.id > last_value OR wanted.id = last_value AND NOT is_called`,
	// Names: the same credit, another credit of the movie, anybody, somebody new.
	`UPDATE import_credits s SET person_id = p.id FROM credits c JOIN people p ON p.id = c.person_id
		WHERE s.person_id IS NULL AND c.movie_id = s.movie_id AND c.role = s.role AND c.position = s.position AND p.name = s.name`,
	`UPDATE import_credits s SET person_id = known.id
		FROM (SELECT c.movie_id, p.name, min(p.id) AS id FROM import_lines l JOIN credits c ON c.movie_id = l.id JOIN people p ON p.id = c.person_id
			WHERE l.existing GROUP BY c.movie_id, p.name) AS known
		WHERE s.person_id IS NULL AND s.movie_id = known.movie_id AND s.name = known.name`,
	`UPDATE import_credits s SET person_id = known.id
		FROM (SELECT n.name, min(p.id) AS id FROM (SELECT DISTINCT name FROM import_credits WHERE person_id IS NULL) AS n JOIN people p ON p.name = n.name
			GROUP BY n.name) AS known
		WHERE s.person_id IS NULL AND s.name = known.name`,
	`WITH fresh AS (INSERT INTO people (name) SELECT name FROM import_credits WHERE person_id IS NULL GROUP BY name ORDER BY min(ARRAY[line, n]) RETURNING id, name)
		UPDATE import_credits s SET person_id = fresh.id FROM fresh WHERE s.person_id IS NULL AND s.name = fresh.name`,
}

// writeLists writes the lists that differ: a list that is as it should be becomes
// NULL in the staging table, the others are written anew.
var writeLists = []string{
	`UPDATE import_lines s SET person_ids = c.ids FROM (SELECT line, array_agg(person_id ORDER BY n) AS ids FROM import_credits GROUP BY line) AS c
		WHERE c.line = s.line AND s.existing`,
	`INSERT INTO genres (name) SELECT DISTINCT v FROM import_lines, unnest(genres) AS v
		WHERE NOT EXISTS (SELECT FROM genres WHERE name = v) ORDER BY v ON CONFLICT DO NOTHING`,
	`INSERT INTO keywords (name) SELECT DISTINCT v FROM import_lines, unnest(keywords) AS v
		WHERE NOT EXISTS (SELECT FROM keywords WHERE name = v) ORDER BY v ON CONFLICT DO NOTHING`,

	`UPDATE import_lines s SET
		akas = nullif(akas, ARRAY(SELECT a.title FROM akas a WHERE movie_id = s.id ORDER BY position)),
		genres = nullif(genres, ARRAY(SELECT g.name::text FROM movie_genres JOIN genres g ON g.id = genre_id WHERE movie_id = s.id ORDER BY position)),
		keywords = nullif(keywords, ARRAY(SELECT k.name::text FROM movie_keywords JOIN keywords k ON k.id = keyword_id WHERE movie_id = s.id ORDER BY position)),
		person_ids = CASE WHEN person_ids = ARRAY(SELECT person_id FROM credits WHERE movie_id = s.id ORDER BY role DESC, position)
			AND roles = ARRAY(SELECT role FROM credits WHERE movie_id = s.id ORDER BY role DESC, position) THEN NULL ELSE person_ids END
		WHERE existing`,
	`DELETE FROM akas c USING import_lines s WHERE c.movie_id = s.id AND s.existing AND s.akas IS NOT NULL`,
	`DELETE FROM movie_genres c USING import_lines s WHERE c.movie_id = s.id AND s.existing AND s.genres IS NOT NULL`,
	`DELETE FROM movie_keywords c USING import_lines s WHERE c.movie_id = s.id AND s.existing AND s.keywords IS NOT NULL`,
	`DELETE FROM credits c USING import_lines s WHERE c.movie_id = s.id AND s.existing AND s.person_ids IS NOT NULL`,

	`INSERT INTO akas (movie_id, position, title) SELECT s.id, v.n, v.title FROM import_lines s, unnest(s.akas) WITH ORDINALITY AS v (title, n) ORDER BY s.id`,
	`INSERT INTO movie_genres (movie_id, genre_id, position)
		SELECT s.id, g.id, v.n FROM import_lines s, unnest(s.genres) WITH ORDINALITY AS v (name, n) JOIN genres g ON g.name = v.name ORDER BY s.id`,
	`INSERT INTO movie_keywords (movie_id, keyword_id, position)
		SELECT s.id, k.id, v.n FROM import_lines s, unnest(s.keywords) WITH ORDINALITY AS v (name, n) JOIN keywords k ON k.name = v.name ORDER BY s.id`,
	`INSERT INTO credits (movie_id, person_id, position, role)
		SELECT c.movie_id, c.person_id, c.position, c.role FROM import_credits c JOIN import_lines s ON s.line = c.line
		WHERE s.person_ids IS NOT NULL ORDER BY c.movie_id`,
	`INSERT INTO import_keys (key, movie_id) SELECT key, id FROM import_lines WHERE key IS NOT NULL ON CONFLICT (key) DO UPDATE SET movie_id = EXCLUDED.movie_id
		WHERE import_keys.movie_id <> EXCLUDED.movie_id`,
}

// countWritten: new, changed and equal movies.
const countWritten = `
SELECT count(*) FILTER (WHERE NOT existing), count(*) FILTER (WHERE existing AND different), count(*) FILTER (WHERE existing AND NOT different)
FROM (SELECT existing, changed OR num_nonnulls(akas, genres, keywords, person_ids) > 0 AS different FROM import_lines) AS lines`

// writeStaged writes lines whose movies are known, writeFromIMDb those of IMDb.
var (
	writeStaged   = slices.Concat(writeMovies, stageCredits, findPeople, writeLists)
	writeFromIMDb = slices.Concat(keepUnknown, writeMovies, stageCredits, findKnownPeople, writeLists)
)
