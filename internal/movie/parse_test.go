package movie_test

import (
	"encoding/json"
	"errors"
	"testing"

	"movies/internal/movie"
)

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		``:                               "text is not JSON: it ends too early, at column 1",
		`{"title":"x"`:                   "text is not JSON: it ends too early, at column 13",
		`{"title":"x",}`:                 "text is not JSON: invalid character '}' looking for beginning of object key string at column 14",
		`{"title":"x"} {"title":"y"}`:    "text goes on after the JSON object, at column 14",
		`["x"]`:                          `text must be a JSON object such as {"title":"Solaris"}`,
		`null`:                           `text must be a JSON object such as {"title":"Solaris"}`,
		"{\"title\":\"\xff\"}":           "text is not valid UTF-8 at column 11",
		`{"titel":"x"}`:                  "titel is not a field of a movie; the nearest is title",
		`{"title":"x","runtimes":1}`:     "runtimes is not a field of a movie; the nearest is runtime",
		`{"title":"x","year":"1999"}`:    "year must be an integer, not string",
		`{"title":"x","year":1999.5}`:    "year must be an integer, not number 1999.5",
		`{"title":"x","rating":"8"}`:     "rating must be a number, not string",
		`{"title":"x","genres":"Drama"}`: "genres must be a list, not string",
		`{"title":"x","adult":1}`:        "adult must be true or false, not number",
		`{"title":7}`:                    "title must be a string, not number",
		`{"title":"x","people":[{"id":1,"name":"A","role":"cast","nam":1}]}`: "nam is not a field of a movie; the nearest is name",
		`{}`:                             "title is required",
		`{"title":"x","year":1,"id":-1}`: "id must be a positive integer, not -1; year must be from 1870 to 2100, not 1",
	} {
		_, err := movie.Parse([]byte(text))
		if err == nil || !errors.Is(err, movie.ErrInvalid) {
			t.Errorf("%s: got %v, want an invalid movie", text, err)
		} else if err.Error() != want {
			t.Errorf("%s\n got %s\nwant %s", text, err, want)
		}
	}
}

func TestParseTakesWhatMarshalWrites(t *testing.T) {
	want := movie.Movie{ID: 1, Title: "Ça <&> \u2028", Year: 1999, Cast: []string{"A"}, People: []movie.Credit{{ID: 1, Name: "A", Role: movie.RoleCast}}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := movie.Parse(append([]byte(" \t"), append(text, "\r\n"...)...))
	if err != nil || got.Title != want.Title || got.People[0] != want.People[0] {
		t.Errorf("%s became %+v, %v", text, got, err)
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{"ttile": "title", "imdbid": "imdb_id", "VOTE": "votes", "zzzzzz": movie.Nearest("zzzzzz", movie.Fields)} {
		if got := movie.Nearest(name, movie.Fields); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if got := movie.Nearest("x", nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

// Whatever the bytes, Parse gives a valid movie or says what is wrong.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":1,"title":"x","year":1999,"people":[{"id":1,"name":"A","role":"cast"}]}`))
	f.Add([]byte(`{"title":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := movie.Parse(text)
		if err == nil {
			err = m.Validate()
			if err != nil {
				t.Fatalf("%q was accepted: %v", text, err)
			}
		} else if !errors.Is(err, movie.ErrInvalid) {
			t.Fatalf("%q: %v is no ErrInvalid", text, err)
		}
	})
}
