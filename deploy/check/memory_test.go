package check

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// step is the time between two values and between two evaluations.
const step = 30 * time.Second

// origin is when the first value was taken.
var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type seriesLabels = labels.Labels

// memory is a Prometheus storage of a few series.
type memory []*storage.SeriesEntry

// load reads series in the notation of Prometheus' own tests, such as 0+10x20.
func load(t *testing.T, series map[string]string) memory {
	t.Helper()
	var m memory
	for name, values := range series {
		l, sequence, err := parser.ParseSeriesDesc(name + " " + values)
		if err != nil {
			t.Fatalf("%s %s: %v", name, values, err)
		}
		var samples []chunks.Sample
		for i, v := range sequence {
			if !v.Omitted {
				samples = append(samples, sample{origin.Add(time.Duration(i) * step).UnixMilli(), v.Value})
			}
		}
		m = append(m, storage.NewListSeries(l, samples))
	}
	return m
}

var engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 2 * step})

// query gives the labels of what the expression finds so long after the origin.
func (m memory) query(ctx context.Context, expression string, after time.Duration) ([]labels.Labels, error) {
	q, err := engine.NewInstantQuery(ctx, m, nil, expression, origin.Add(after))
	if err != nil {
		return nil, err
	}
	defer q.Close()
	vector, err := q.Exec(ctx).Vector()
	if err != nil {
		return nil, err
	}
	found := make([]labels.Labels, len(vector))
	for i, s := range vector {
		found[i] = s.Metric.Copy()
	}
	return found, nil
}

// Querier implements storage.Queryable.
func (m memory) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: m.matching}, nil
}

func (m memory) matching(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{at: -1}
	for _, s := range m {
		matches := true
		for _, m := range matchers {
			matches = matches && m.Matches(s.Lset.Get(m.Name))
		}
		if matches {
			found.series = append(found.series, s)
		}
	}
	return found
}

type seriesSet struct {
	series []*storage.SeriesEntry
	at     int
}

func (s *seriesSet) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.at] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// sample is one value at one time.
type sample struct {
	t int64
	f float64
}

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
