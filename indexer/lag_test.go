package indexer_test

import "testing"

// What nobody reads is told as lag all the same: here the group has no offsets, so
// the index is not fed at all.
func TestLagOfAGroupThatNobodyReads(t *testing.T) {
	t.Parallel()
	e := newEnv(t, 3)
	index := e.create("a")
	e.alias(index, false)
	e.publishMany(1, 31)
	p := e.start(e.searchURL)
	e.eventually("the index is refused", func() error {
		return is(p.metric(t, "movies_indexer_feed_blocked", "index", index), 1.0)
	})
	e.eventually("the lag is told", func() error {
		return is(p.metric(t, "movies_indexer_group_lag_messages", "index", index), 30.0)
	})
}
