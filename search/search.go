// Package search is the port between those who ask (api, cache, relevance) and
// those who answer (the engine adapter, the cache that decorates it): a Request
// is a value, a Result is a value, and Searcher is the one interface.
//
// The promise of the package: equal questions are equal values. Request.Key
// gives the canonical spelling that caches, logs and golden files use, so two
// URLs that mean the same share one answer.
package search

import (
	"context"
	"fmt"

	"movies/internal/movie"
)

// Searcher answers questions about the catalogue. Implementations are safe for
// concurrent use, honour the context's deadline, and report errors of the kinds
// in package movie: ErrInvalid for a question that cannot be asked (a cursor of
// another question, say), ErrUnavailable when the search tier is down, slow or
// shedding.
type Searcher interface {
	// Search answers one page of a search, a browse, a person's movies or the
	// movies similar to one.
	Search(ctx context.Context, r Request) (*Result, error)
	// Lookup returns the movies that exist, in the order asked for, duplicates
	// and missing ones left out. It reads the latest indexed version, which may
	// not be searchable yet, unless the lookup wants it so.
	Lookup(ctx context.Context, l Lookup) ([]Item, error)
	// Suggest completes what is being typed.
	Suggest(ctx context.Context, s SuggestRequest) (*Suggestions, error)
}

// ErrShed is of kind movie.ErrUnavailable: the question was refused at once, to
// protect the tier that would have to answer it. Asking again in a moment may help.
var ErrShed = fmt.Errorf("%w: more questions than the search tier can take now", movie.ErrUnavailable)

// Lookup names movies by either kind of id.
type Lookup struct {
	IDs     []int64
	IMDbIDs []string
	// Visible asks for the movies as searches find them now: what was indexed and
	// is not searchable yet does not count. The answer never comes from a cache.
	Visible bool
}

// Request is one question. The zero value asks for the most popular movies.
// Requests are normalised with Normalize before they are asked or compared.
type Request struct {
	// Text is what a person typed; empty browses.
	Text string
	// The filters: values of one filter are alternatives, filters are combined.
	// Values are matched without case.
	Genres    []string
	Languages []string
	Countries []string
	Keywords  []string
	// People are names, PersonID one person (namesakes apart).
	People   []string
	PersonID int64
	// AllGenres asks for movies that have every genre in Genres.
	AllGenres bool
	Year      Range
	Rating    Range
	Votes     Range
	Runtime   Range
	// Adult includes adult titles, which are otherwise left out.
	Adult bool
	// SimilarTo ranks by likeness to this movie and leaves it out.
	SimilarTo int64
	// Only restricts to these ids when not nil (a watchlist); an empty, non-nil
	// list matches nothing.
	Only []int64

	Sort Sort
	// Limit is the page size, 1 to MaxLimit; 0 means DefaultLimit.
	Limit int
	// Cursor continues behind the last item of an earlier page: its NextCursor.
	Cursor string
	// Facets to count.
	Facets []Facet
	// Highlight asks for marked fragments.
	Highlight bool
}

// Bounds of a page and of what one question may contain.
const (
	DefaultLimit    = 20
	MaxLimit        = 100
	MaxText         = 256
	MaxFilterValues = 50
	MaxIDs          = 100
	MaxOnly         = 10_000
)

// Range is an inclusive range; nil ends are open.
type Range struct{ From, To *float64 }

// IsZero tells whether the range excludes nothing.
func (r Range) IsZero() bool { return r.From == nil && r.To == nil }

// SortKey names what results are ordered by.
type SortKey string

// The sort keys. Each has a natural direction: relevance, popularity, rating and
// year from high to low, title from A to Z.
const (
	SortRelevance  SortKey = "relevance"
	SortPopularity SortKey = "popularity"
	SortRating     SortKey = "rating"
	SortYear       SortKey = "year"
	SortTitle      SortKey = "title"
)

// sortKeys are all of them.
var sortKeys = []SortKey{SortRelevance, SortPopularity, SortRating, SortYear, SortTitle}

// Sort is a key in its natural direction or reversed. The zero value means
// relevance with text and popularity without.
type Sort struct {
	Key     SortKey
	Reverse bool
}

// Facet names a dimension that can be counted.
type Facet string

// The facets. Year counts single years, Decade their tens ("1990").
const (
	FacetGenre    Facet = "genre"
	FacetLanguage Facet = "language"
	FacetCountry  Facet = "country"
	FacetYear     Facet = "year"
	FacetDecade   Facet = "decade"
	FacetKeyword  Facet = "keyword"
)

// AllFacets in the order in which they are documented.
var AllFacets = []Facet{FacetGenre, FacetLanguage, FacetCountry, FacetYear, FacetDecade, FacetKeyword}

// Result is one page.
type Result struct {
	Items      []Item
	Total      Total
	Facets     map[Facet][]FacetCount
	NextCursor string
	// DidYouMean is a better spelling of the text, or empty.
	DidYouMean string
	// Interpreted is what was understood from the text; nil without text.
	Interpreted *Interpretation
}

// Found tells whether there are movies that have all that was asked for. An answer
// that is empty, or gave something up to find anything, is out of date as soon as
// a movie that fits is there.
func (r *Result) Found() bool {
	return len(r.Items) > 0 && (r.Interpreted == nil || len(r.Interpreted.Relaxed) == 0)
}

// Item is one movie of an answer.
type Item struct {
	Movie movie.Movie
	// Version of the document the item was read from.
	Version movie.Version
	// Score is set for text searches only, and comparable within one Result.
	Score *float64
	// MatchedTitle is the other or original title that matched better than the
	// main title, shown as the reason; or empty.
	MatchedTitle string
	// Highlight maps a field's JSON name to fragments in which <em> marks the
	// matched words and everything else is HTML-escaped.
	Highlight map[string][]string
}

// Total is how many movies match: exactly (Exact) or at least Value.
type Total struct {
	Value int64
	Exact bool
}

// FacetCount is one value of a facet.
type FacetCount struct {
	Value string
	Count int64
}

// Interpretation shows a person what was understood, part by part.
type Interpretation struct {
	// Text is what is left to match as words.
	Text string `json:"text,omitempty"`
	// Phrases were quoted, Excluded had a minus in front.
	Phrases  []string `json:"phrases,omitempty"`
	Excluded []string `json:"excluded,omitempty"`
	Genres   []string `json:"genres,omitempty"`
	People   []string `json:"people,omitempty"`
	// YearFrom and YearTo bound the year; 0 is open.
	YearFrom int `json:"year_from,omitempty"`
	YearTo   int `json:"year_to,omitempty"`
	// Ignored are noise words that were left out.
	Ignored []string `json:"ignored,omitempty"`
	// Relaxed tells, in order, what was given up to find anything.
	Relaxed []string `json:"relaxed,omitempty"`
}

// SuggestRequest completes Text; Limit is 1 to MaxSuggestions, 0 means all.
type SuggestRequest struct {
	Text  string
	Limit int
}

// MaxSuggestions is the most one answer holds.
const MaxSuggestions = 10

// Suggestions are what may have been meant, best first.
type Suggestions struct{ Items []Suggestion }

// Suggestion is a movie or a person.
type Suggestion struct {
	// Kind is "movie" or "person".
	Kind string `json:"kind"`
	// ID of the movie or person.
	ID   int64  `json:"id"`
	Text string `json:"text"`
	// Year tells movies of one title apart.
	Year int `json:"year,omitempty"`
	// Matched is the other title that matched, when Text did not.
	Matched string `json:"matched,omitempty"`
}
