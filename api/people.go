package api

import (
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"movies/search"
)

// personJSON is a person and a page of their movies.
type personJSON struct {
	ID    int64    `json:"id"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
	listJSON
}

// getPerson answers GET /v1/people/{id}: who it is, and their movies by
// popularity. A person is known to search by being credited.
func (s *server) getPerson(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	p, err := parseParams(r.URL)
	if err != nil {
		return err
	}
	v := readView(p)
	req := search.Request{
		Limit:  int(p.number("limit", 1, search.MaxLimit, search.DefaultLimit)),
		Cursor: p.text("cursor", search.MaxCursor),
		Sort:   readSort(p),
	}
	if err := p.err(); err != nil {
		return err
	}
	name := mux.Vars(r)["id"]
	if req.PersonID, err = parseID("id", "person", name); err != nil {
		return err
	}
	res, err := s.Searcher.Search(r.Context(), req)
	if err != nil {
		return err
	}
	person := personJSON{ID: req.PersonID, Roles: []string{}, listJSON: v.list(res)}
	person.describe(res.Items)
	if person.Name == "" {
		return notFound("person", name)
	}
	return s.answerTimed(w, r, person, started, cacheList(res))
}

// describe fills in the name and roles from the credits of the person's movies.
func (p *personJSON) describe(items []search.Item) {
	seen := map[string]bool{}
	for _, item := range items {
		for _, credit := range item.Movie.People {
			if credit.ID != p.ID {
				continue
			}
			p.Name = credit.Name
			if role := string(credit.Role); !seen[role] {
				seen[role] = true
				p.Roles = append(p.Roles, role)
			}
		}
	}
}

// suggest answers GET /v1/suggest: completions of what is being typed.
func (s *server) suggest(w http.ResponseWriter, r *http.Request) error {
	started := time.Now()
	p, err := parseParams(r.URL)
	if err != nil {
		return err
	}
	req := search.SuggestRequest{
		Text:  p.text("q", search.MaxText),
		Limit: int(p.number("limit", 1, search.MaxSuggestions, search.MaxSuggestions)),
	}
	if req.Text == "" && len(p.problems) == 0 {
		p.wrong("q", "is required: the text typed so far")
	}
	if err := p.err(); err != nil {
		return err
	}
	res, err := s.Searcher.Suggest(r.Context(), req)
	if err != nil {
		return err
	}
	items := res.Items
	if items == nil {
		items = []search.Suggestion{}
	}
	policy := cacheSearch
	if len(items) == 0 {
		policy = cacheEmpty
	}
	return s.answerTimed(w, r, map[string]any{"items": items, "took_ms": 0}, started, policy)
}
