package rebuild

import (
	"testing"
	"time"

	"movies/search/opensearch"
)

func TestTheBackfillGivesWayAndComesBack(t *testing.T) {
	p := &pace{share: 1}
	queries := func(each time.Duration) opensearch.SearchTime {
		return opensearch.SearchTime{Queries: 100, Spent: 100 * each}
	}
	usual := p.judge(0, queries(10*time.Millisecond))
	if usual != 10*time.Millisecond || p.share != 1 {
		t.Fatalf("learned %s, share %g", usual, p.share)
	}
	for range 3 {
		usual = p.judge(usual, queries(15*time.Millisecond))
	}
	if p.share > 0.4 || usual != 10*time.Millisecond {
		t.Errorf("after slow queries: share %g, usual %s", p.share, usual)
	}
	for range 20 {
		p.judge(usual, queries(15*time.Millisecond))
	}
	if p.share != leastShare {
		t.Errorf("share %g, want no less than %g", p.share, leastShare)
	}
	for range 40 {
		p.judge(usual, queries(11*time.Millisecond))
	}
	if p.share != 1 {
		t.Errorf("after the usual again: share %g", p.share)
	}
	if p.slower(); p.judge(usual, opensearch.SearchTime{Queries: 1, Spent: time.Second}) != usual || p.share < 0.7 {
		t.Errorf("a single query was taken for an average: share %g", p.share)
	}
}
