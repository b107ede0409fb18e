package generate

import (
	"encoding/json"
	"strconv"

	"movies/internal/movie"
)

// AppendLine appends a movie as a line of JSONL: the bytes that encoding/json
// writes, without escaping for HTML, several times as fast.
func AppendLine(b []byte, m *movie.Movie) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, m.ID, 10)
	b = appendText(b, `,"imdb_id":`, m.IMDbID)
	b = appendString(append(b, `,"title":`...), m.Title)
	b = appendText(b, `,"original_title":`, m.OriginalTitle)
	b = appendList(b, `,"akas":`, m.Akas)
	b = appendInteger(b, `,"year":`, int64(m.Year))
	b = appendText(b, `,"release_date":`, m.ReleaseDate)
	b = appendInteger(b, `,"runtime":`, int64(m.Runtime))
	b = appendList(b, `,"genres":`, m.Genres)
	b = appendList(b, `,"languages":`, m.Languages)
	b = appendList(b, `,"countries":`, m.Countries)
	b = appendList(b, `,"keywords":`, m.Keywords)
	b = appendText(b, `,"overview":`, m.Overview)
	b = appendList(b, `,"directors":`, m.Directors)
	b = appendList(b, `,"cast":`, m.Cast)
	b = appendList(b, `,"characters":`, m.Characters)
	b = appendNumber(b, `,"rating":`, m.Rating)
	b = appendInteger(b, `,"votes":`, m.Votes)
	b = appendNumber(b, `,"popularity":`, m.Popularity)
	b = appendText(b, `,"poster_url":`, m.PosterURL)
	if m.Adult {
		b = append(b, `,"adult":true`...)
	}
	b = appendPeople(b, m.People)
	return append(b, "}\n"...)
}

func appendPeople(b []byte, people []movie.Credit) []byte {
	for i := range people {
		if i == 0 {
			b = append(b, `,"people":[{"id":`...)
		} else {
			b = append(b, `,{"id":`...)
		}
		b = strconv.AppendInt(b, people[i].ID, 10)
		b = appendString(append(b, `,"name":`...), people[i].Name)
		b = appendString(append(b, `,"role":`...), string(people[i].Role))
		b = append(b, '}')
	}
	if len(people) > 0 {
		b = append(b, ']')
	}
	return b
}

// The following leave out what is unknown, as omitempty does.

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, key...), s)
}

func appendInteger(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, key...), n, 10)
}

// appendNumber writes figures of usual size, for which JSON and Go agree.
func appendNumber(b []byte, key string, x float64) []byte {
	if x == 0 {
		return b
	}
	return strconv.AppendFloat(append(b, key...), x, 'f', -1, 64)
}

func appendList(b []byte, key string, list []string) []byte {
	for i, s := range list {
		if i == 0 {
			b = append(append(b, key...), '[')
		} else {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendString writes text that needs no escape as it is; the rare other goes
// through encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if escaped[s[i]] {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string: cannot fail
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// escaped tells the bytes with which something begins that may need an escape:
// controls, quotes, and U+2028 among what begins with E2.
var escaped = func() (e [256]bool) {
	for c := range ' ' {
		e[c] = true
	}
	e['"'], e['\\'], e[0xe2] = true, true, true
	return e
}()
