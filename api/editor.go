package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"movies/internal/auth/identity"
	"movies/internal/movie"
)

// Editor stores what editors write, each call in one transaction with its audit
// and its change message. Errors are of the kinds of package movie: ErrConflict
// for a revision that is not the current one, and ErrConflict that is ErrInvalid
// too for an id that another movie has.
type Editor interface {
	// Movie is the movie as it is stored, with its imported rating and votes.
	Movie(ctx context.Context, id int64) (movie.Movie, error)
	Create(ctx context.Context, m movie.Movie, e movie.Edit) (movie.Movie, error)
	Replace(ctx context.Context, m movie.Movie, e movie.Edit) (movie.Movie, error)
	Delete(ctx context.Context, id int64, e movie.Edit) error
}

// maxBody is well above the largest movie that package movie allows to be useful,
// and below what a message of a change may have.
const maxBody = 512 << 10

// createMovie answers POST /v1/movies.
func (s *server) createMovie(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	if s.Accounts.Editor == nil {
		return notServed("editing")
	}
	body, err := readBody(w, r, "application/json")
	if err != nil {
		return err
	}
	m, err := movie.Parse(body)
	if err != nil {
		return err
	}
	stored, err := s.Accounts.Editor.Create(r.Context(), m, movie.Edit{By: who.Subject, Figures: true})
	if err != nil {
		return taken(err)
	}
	w.Header().Set("Location", "/v1/movies/"+strconv.FormatInt(stored.ID, 10))
	return writeMovie(w, http.StatusCreated, stored)
}

// replaceMovie answers PUT /v1/movies/{id}: what is left out becomes unknown.
func (s *server) replaceMovie(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, revision, err := s.editTarget(r)
	if err != nil {
		return err
	}
	body, err := readBody(w, r, "application/json")
	if err != nil {
		return err
	}
	m, err := movie.Parse(body)
	if err != nil {
		return err
	}
	return s.replace(w, r, m, id, movie.Edit{By: who.Subject, Revision: revision})
}

// patchMovie answers PATCH /v1/movies/{id} (RFC 7396).
func (s *server) patchMovie(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, revision, err := s.editTarget(r)
	if err != nil {
		return err
	}
	patch, err := readBody(w, r, "application/merge-patch+json", "application/json")
	if err != nil {
		return err
	}
	current, err := s.Accounts.Editor.Movie(r.Context(), id)
	if err != nil {
		return err
	}
	if current.Revision != revision {
		return fmt.Errorf("%w: movie %d is at revision %d, not %d: read it again and repeat the change", movie.ErrConflict, id, current.Revision, revision)
	}
	m, err := patchedMovie(current, patch)
	if err != nil {
		return err
	}
	return s.replace(w, r, m, id, movie.Edit{By: who.Subject, Revision: revision, Figures: true})
}

func (s *server) replace(w http.ResponseWriter, r *http.Request, m movie.Movie, id int64, e movie.Edit) error {
	if m.ID != 0 && m.ID != id {
		return movie.Invalid("id", fmt.Sprintf("is %d in the body and %d in the path; a movie keeps its id", m.ID, id))
	}
	m.ID = id
	stored, err := s.Accounts.Editor.Replace(r.Context(), m, e)
	if err != nil {
		return taken(err)
	}
	return writeMovie(w, http.StatusOK, stored)
}

// deleteMovie answers DELETE /v1/movies/{id}.
func (s *server) deleteMovie(w http.ResponseWriter, r *http.Request, who identity.Identity) error {
	id, revision, err := s.editTarget(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.Editor.Delete(r.Context(), id, movie.Edit{By: who.Subject, Revision: revision}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// editTarget reads which movie in which state the request is about.
func (s *server) editTarget(r *http.Request) (id, revision int64, err error) {
	if s.Accounts.Editor == nil {
		return 0, 0, notServed("editing")
	}
	if id, err = parseID("id", "movie", mux.Vars(r)["id"]); err != nil {
		return 0, 0, err
	}
	revision, err = ifMatch(r.Header.Values("If-Match"))
	return id, revision, err
}

// ifMatch reads the one revision that an editor has seen. Without it two editors
// would overwrite each other.
func ifMatch(headers []string) (int64, error) {
	value := strings.TrimSpace(strings.Join(headers, ","))
	if value == "" {
		return 0, &httpError{status: http.StatusPreconditionRequired,
			detail: `the header If-Match: "REVISION" is required, with the revision of the movie that you have read, such as If-Match: "7"`}
	}
	revision, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64)
	if err != nil || revision < 1 || len(value) < 3 || value[0] != '"' || value[len(value)-1] != '"' {
		return 0, movie.Invalid("If-Match", fmt.Sprintf(`must be one revision in quotes, such as "7", not %.100s`, value))
	}
	return revision, nil
}

// readBody reads a body of one of the media types.
func readBody(w http.ResponseWriter, r *http.Request, types ...string) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, kind) {
		return nil, &httpError{status: http.StatusUnsupportedMediaType, detail: "Content-Type must be " + strings.Join(types, " or ")}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, &httpError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("the body is larger than %d bytes", large.Limit)}
	case err != nil:
		return nil, &httpError{status: http.StatusBadRequest, detail: "the body could not be read to its end"}
	}
	return body, nil
}

// writeMovie answers with a movie as it is stored now.
func writeMovie(w http.ResponseWriter, status int, m movie.Movie) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	revision := strconv.FormatInt(m.Revision, 10)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Revision", revision)
	h.Set("ETag", `"`+revision+`"`)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone; nothing is lost
	return nil
}

// taken is 409 for an id that another movie has.
func taken(err error) error {
	var invalid *movie.InvalidError
	if errors.Is(err, movie.ErrConflict) && errors.As(err, &invalid) {
		return &httpError{status: http.StatusConflict, detail: invalid.Error()}
	}
	return err
}
