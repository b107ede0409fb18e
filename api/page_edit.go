package api

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// The editors' form works without scripts. Nothing typed is ever lost: whatever
// keeps it from being stored, the form comes back as it was, with the reason.

// editView is the form, for a new movie where ID is 0.
type editView struct {
	frame
	ID, Revision int64
	Name         string
	Fields       []editField
	// Trouble says why nothing was stored; Ended, that signing in again helps.
	Trouble  string
	Problems []movie.FieldProblem // of no field of the form
	Ended    bool
	Differs  bool // from what somebody else has stored meanwhile
}

// editPage answers GET /movies/new and /movies/{id}/edit.
func (s *server) editPage(w http.ResponseWriter, r *http.Request, _ identity.Identity) error {
	current, err := s.formTarget(r)
	if err != nil {
		return err
	}
	v := s.editView(r, current.ID, titleAndYear(current))
	v.Revision, v.Fields = current.Revision, fieldsOf(formOf(current))
	return s.render(w, r, cachePrivate, "edit", v)
}

func (s *server) editView(r *http.Request, id int64, name string) editView {
	title := "Add a film"
	if id != 0 {
		title = "Edit " + name
	}
	return editView{frame: s.frame(r, title, ""), ID: id, Name: name}
}

// formTarget is the movie that the form is about, as it is stored; without an id
// in the path an empty one.
func (s *server) formTarget(r *http.Request) (movie.Movie, error) {
	if s.Accounts.Editor == nil {
		return movie.Movie{}, notServed("editing")
	}
	value, existing := mux.Vars(r)["id"]
	if !existing {
		return movie.Movie{}, nil
	}
	id, err := parseID("id", "movie", value)
	if err != nil {
		return movie.Movie{}, err
	}
	return s.Accounts.Editor.Movie(r.Context(), id)
}

// saveForm answers POST /movies/new and /movies/{id}/edit.
func (s *server) saveForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 3*maxBody) // a form writes a byte in up to three
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, &httpError{status: http.StatusBadRequest, detail: "the form could not be read: " + err.Error()})
		return
	}
	s.signedInOr(identity.Editor, s.save, s.formAgain).ServeHTTP(w, r)
}

// save stores what was typed, if the movie is still the one that was seen, and
// leads to its page.
func (s *server) save(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	current, err := s.formTarget(r)
	if err != nil {
		return err
	}
	seen, err := seenRevision(r)
	if err != nil {
		return err
	}
	if current.Revision != seen {
		return fmt.Errorf("%w: seen at revision %d, now at %d", movie.ErrConflict, seen, current.Revision)
	}
	m, err := typedMovie(current, r.PostForm)
	if err != nil {
		return err
	}
	e := movie.Edit{By: who.Subject, Revision: seen, Figures: true}
	store := s.Accounts.Editor.Replace
	if current.ID == 0 {
		store = s.Accounts.Editor.Create
	}
	if m, err = store(r.Context(), m, e); err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("%s?min_revision=%d", movieAddress(m.ID), m.Revision), http.StatusSeeOther)
	return nil
}

// seenRevision is what If-Match is to programs; 0 for a new movie.
func seenRevision(r *http.Request) (int64, error) {
	value := r.PostFormValue("revision")
	if value == "" && mux.Vars(r)["id"] == "" {
		return 0, nil
	}
	seen, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seen < 0 {
		return 0, movie.Invalid("revision", "must be the one that the form came with")
	}
	return seen, nil
}

// formAgain answers a form that was not stored with what was typed and the reason;
// where typing more would not help, with the reason alone.
func (s *server) formAgain(w http.ResponseWriter, r *http.Request, err error) {
	p := s.explain(w, r, err)
	switch p.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusNotImplemented, statusClientClosedRequest:
		s.answerProblem(w, r, p)
		return
	}
	id, _ := strconv.ParseInt(mux.Vars(r)["id"], 10, 64)
	v := s.editView(r, id, r.PostForm.Get("title"))
	v.Revision, _ = strconv.ParseInt(r.PostForm.Get("revision"), 10, 64)
	v.Fields, v.Trouble, v.Ended = fieldsOf(r.PostForm), sentence(p.Detail), p.Status == http.StatusUnauthorized
	switch {
	case p.Status == http.StatusPreconditionFailed:
		v.Trouble = "Somebody else changed this film while you did."
		if current, err := s.formTarget(r); err == nil {
			v.Revision = current.Revision
			v.compare(formOf(current))
		}
	case len(p.Errors) > 0:
		v.Trouble = "Please correct what is marked below."
		v.mark(p.Errors)
	}
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, "edit", v); err != nil {
		s.fail(w, r, err)
		return
	}
	securePage(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body.Bytes()) // the client may be gone; nothing is lost
}

// compare shows what is stored now where it is not what was typed.
func (v *editView) compare(stored url.Values) {
	for i := range v.Fields {
		f := &v.Fields[i]
		if now := stored.Get(f.Name); now != f.Value {
			f.Now, f.Differs, v.Differs = now, true, true
		}
	}
}

// mark puts problems beside the fields that they are about.
func (v *editView) mark(problems []movie.FieldProblem) {
	for _, p := range problems {
		name, rest, _ := strings.Cut(p.Field, "[")
		detail := p.Detail
		if n, err := strconv.Atoi(strings.TrimSuffix(rest, "]")); err == nil {
			detail = fmt.Sprintf("line %d %s", n+1, detail)
		}
		at := slices.IndexFunc(v.Fields, func(f editField) bool { return f.Name == name })
		if at < 0 {
			v.Problems = append(v.Problems, p)
			continue
		}
		f := &v.Fields[at]
		f.Problem = strings.TrimPrefix(f.Problem+"; "+detail, "; ")
	}
}

// deleteForm answers POST /movies/{id}/delete.
func (s *server) deleteForm(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	current, err := s.formTarget(r)
	if err != nil {
		return err
	}
	seen, err := seenRevision(r)
	if err == nil && r.PostFormValue("sure") == "" {
		err = movie.Invalid("sure", "must be ticked: a film is not deleted by accident")
	}
	if err == nil {
		err = s.Accounts.Editor.Delete(r.Context(), current.ID, movie.Edit{By: who.Subject, Revision: seen})
	}
	if errors.Is(err, movie.ErrConflict) {
		return &httpError{status: http.StatusConflict, detail: "Somebody else changed this film meanwhile: look at it again before you delete it."}
	}
	if err != nil {
		return err
	}
	return s.render(w, r, cachePrivate, "deleted", s.editView(r, current.ID, titleAndYear(current)))
}
