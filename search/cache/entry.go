package cache

import (
	"time"

	"movies/search"
)

// The kinds of question.
const (
	kindSearch  = "search"
	kindSuggest = "suggest"
	kindLookup  = "lookup"
)

// entry is a kept answer. It is immutable.
type entry struct {
	// asked is when its question went to the origin.
	asked time.Time
	// answer is a *search.Result, a *search.Suggestions, or the []search.Item of one id.
	answer any
}

// standing is what may be done with an entry.
type standing int

const (
	// void: nothing; there is none, or it is known to be superseded.
	void standing = iota
	// old: it may stand in for an answer that the origin fails to give.
	old
	// usable: it may be given out, and is to be renewed.
	usable
	// fresh: it may be given out.
	fresh
)

// bounds are the ages up to which an answer is fresh and usable.
type bounds struct{ fresh, usable time.Duration }

var (
	boundsOfSearch = bounds{2 * time.Second, 10 * time.Second}
	boundsOfSecond = bounds{500 * time.Millisecond, time.Second}
)

func boundsOf(answer any) bounds {
	switch a := answer.(type) {
	case *search.Result:
		if a.Found() {
			return boundsOfSearch
		}
	case *search.Suggestions:
		if len(a.Items) > 0 {
			return boundsOfSearch
		}
	}
	return boundsOfSecond
}

// judge tells how an entry stands, and which moment's state it shows.
func (c *Cache) judge(e *entry, now time.Time) (standing, time.Time) {
	if e == nil {
		return void, time.Time{}
	}
	items, isLookup := e.answer.([]search.Item)
	if isLookup && c.changes.superseded(items, e.asked) {
		return void, e.asked
	}
	age, b := now.Sub(e.asked), boundsOf(e.answer)
	switch {
	case age < b.fresh:
		return fresh, e.asked
	case isLookup && len(items) > 0:
		if asOf, ok := c.changes.vouch(e.asked, now); ok {
			return fresh, asOf
		}
	}
	switch {
	case age < b.usable:
		return usable, e.asked
	case age < StaleIfError:
		return old, e.asked
	}
	return void, e.asked
}

// weight is about how many bytes the answer occupies.
func (e *entry) weight() uint32 {
	const overhead = 256
	n := overhead
	switch a := e.answer.(type) {
	case *search.Result:
		n += weightOf(a.Items) + len(a.NextCursor)
		for _, counts := range a.Facets {
			n += 48 * len(counts)
		}
	case *search.Suggestions:
		for _, s := range a.Items {
			n += 80 + len(s.Text) + len(s.Matched)
		}
	case []search.Item:
		n += weightOf(a)
	}
	return uint32(n)
}

func weightOf(items []search.Item) int {
	n := 0
	for i := range items {
		m := &items[i].Movie
		n += 512 + len(m.Title) + len(m.OriginalTitle) + len(m.Overview) + len(m.PosterURL) + len(items[i].MatchedTitle)
		for _, list := range [][]string{m.Akas, m.Genres, m.Languages, m.Countries, m.Keywords, m.Directors, m.Cast, m.Characters} {
			for _, s := range list {
				n += 16 + len(s)
			}
		}
		for _, p := range m.People {
			n += 56 + len(p.Name)
		}
		for _, fragments := range items[i].Highlight {
			for _, s := range fragments {
				n += 32 + len(s)
			}
		}
	}
	return n
}
