package opensearch

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"movies/internal/movie"
)

// The table, as the engine has been seen to answer.
func TestJudgeItem(t *testing.T) {
	conflict := &errorCause{Type: "version_conflict_engine_exception"}
	for name, c := range map[string]struct {
		deletion bool
		status   int
		cause    *errorCause
		want     Outcome
	}{
		"created":               {false, 201, nil, Done},
		"replaced":              {false, 200, nil, Done},
		"deleted":               {true, 200, nil, Done},
		"nothing to delete":     {true, 404, nil, Done},
		"newer is there":        {false, 409, conflict, Superseded},
		"newer, for a deletion": {true, 409, conflict, Superseded},
		"mapping":               {false, 400, &errorCause{Type: "mapper_parsing_exception"}, Poison},
		"document":              {false, 400, &errorCause{Type: "document_parsing_exception"}, Poison},
		"unheard of":            {false, 400, &errorCause{Type: "some_new_exception"}, Poison},
		"queue full":            {false, 429, &errorCause{Type: "rejected_execution_exception"}, Retry},
		"memory full":           {false, 429, &errorCause{Type: "circuit_breaking_exception"}, Retry},
		"disk full":             {false, 429, &errorCause{Type: "cluster_block_exception"}, Retry},
		"read only":             {false, 403, &errorCause{Type: "cluster_block_exception"}, Retry},
		"no permission":         {false, 403, &errorCause{Type: "security_exception"}, Retry},
		"no primary":            {false, 503, &errorCause{Type: "unavailable_shards_exception"}, Retry},
		"broken":                {false, 500, &errorCause{Type: "null_pointer_exception"}, Retry},
		"index gone":            {false, 404, &errorCause{Type: "index_not_found_exception"}, Refused},
		"index gone, deletion":  {true, 400, &errorCause{Type: "invalid_index_name_exception"}, Refused},
		"index closed":          {false, 400, &errorCause{Type: "index_closed_exception"}, Refused},
		"other conflict":        {false, 409, &errorCause{Type: "resource_already_exists_exception"}, Retry},
		"missing, not deletion": {false, 404, nil, Retry},
		"nothing said":          {false, 0, nil, Retry},
	} {
		if got := judgeItem(c.deletion, c.status, c.cause); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// Whatever the engine answers, nothing is given up that may be written later, and
// nothing counts as written that the engine did not say it wrote.
func TestJudgeItemNeverLoses(t *testing.T) {
	types := []string{"", "version_conflict_engine_exception", "mapper_parsing_exception", "index_not_found_exception",
		"rejected_execution_exception", "unavailable_shards_exception", "index_closed_exception"}
	rapid.Check(t, func(t *rapid.T) {
		deletion := rapid.Bool().Draw(t, "deletion")
		status := rapid.OneOf(rapid.IntRange(0, 999), rapid.SampledFrom([]int{200, 201, 400, 404, 409, 429, 500, 503})).Draw(t, "status")
		var cause *errorCause
		if rapid.Bool().Draw(t, "failed") {
			cause = &errorCause{Type: rapid.SampledFrom(types).Draw(t, "type")}
		}
		switch got := judgeItem(deletion, status, cause); got {
		case Done:
			if cause != nil || status != 200 && status != 201 && !(deletion && status == 404) {
				t.Fatal("counted as written")
			}
		case Superseded:
			if cause == nil || cause.Type != "version_conflict_engine_exception" || status != 409 {
				t.Fatal("counted as superseded")
			}
		case Poison:
			if cause == nil || status != 400 {
				t.Fatal("given up")
			}
		case Retry, Refused:
		default:
			t.Fatalf("an item cannot be %v", got)
		}
	})
}

func TestJudgeRequest(t *testing.T) {
	wrap := func(e *Error) error { return fmt.Errorf("POST /x: %w", e) }
	for name, c := range map[string]struct {
		err  error
		n    int
		want Outcome
	}{
		"unreachable":     {errors.Join(movie.ErrUnavailable, errors.New("connection refused")), 5, Retry},
		"too large":       {wrap(&Error{Status: 413}), 5, TooLarge},
		"one, too large":  {wrap(&Error{Status: 413}), 1, Poison},
		"overloaded":      {wrap(&Error{Status: 429}), 5, Retry},
		"starting":        {wrap(&Error{Status: 503}), 1, Retry},
		"unauthorized":    {wrap(&Error{Status: 401}), 1, Retry},
		"not understood":  {wrap(&Error{Status: 400, Type: "illegal_argument_exception"}), 1, Retry},
		"index not found": {wrap(&Error{Status: 404, Type: "index_not_found_exception"}), 5, Refused},
		"page not found":  {wrap(&Error{Status: 404}), 5, Retry},
	} {
		if got := judgeRequest(c.err, c.n); got.Outcome != c.want || got.Reason == "" {
			t.Errorf("%s: got %+v, want %v", name, got, c.want)
		}
	}
}

// An answer that is cut, reordered, shortened or made up never makes an item
// count as written that the engine did not name as written.
func FuzzBulkAnswer(f *testing.F) {
	f.Add([]byte(`{"items":[{"index":{"_id":"1","status":201}},{"delete":{"_id":"2","status":404}}]}`))
	f.Add([]byte(`{"items":[{"delete":{"_id":"2","status":200}},{"index":{"_id":"1","status":201}}]}`))
	f.Add([]byte(`{"items":[{"index":{"_id":"1","status":400,"error":{"type":"x","caused_by":{"reason":"y"}}}}]}`))
	f.Add([]byte(`{"items":[{"index":{"_id":"1","status":201,"error":{}}},{"delete":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		items := []bulkItem{{id: 1}, {id: 2, deletion: true}}
		var answer bulkAnswer
		if json.Unmarshal(raw, &answer) != nil {
			return
		}
		results, ok := answer.judge(items)
		if !ok {
			return
		}
		if len(results) != len(items) {
			t.Fatalf("%d results for %d items", len(results), len(items))
		}
		if a := answer.Items[0].Index; results[0].Outcome == Done && (a.ID != "1" || a.Error != nil || a.Status >= 300) {
			t.Fatalf("%s counts as written", raw)
		}
		if a := answer.Items[1].Delete; results[1].Outcome == Done && (a.ID != "2" || a.Error != nil) {
			t.Fatalf("%s counts as deleted", raw)
		}
	})
}

func TestOutcomesHaveNames(t *testing.T) {
	for o := Retry; o <= Refused; o++ {
		if s := o.String(); s == "" || s[0] == 'o' {
			t.Errorf("outcome %d is called %q", uint8(o), s)
		}
	}
}
