package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"movies/internal/movie"
)

// bulk carries a bulk request out, or does one of the things that happen to them.
func (c connection) bulk(ctx context.Context, name, alias string, body []byte) (*http.Response, error) {
	if err := c.wait(ctx, c.name+alias+string(body[:min(len(body), 80)]), 500*time.Microsecond, 30*time.Millisecond); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.engine
	switch {
	case c.dead && !c.chance(0.5): // half of what was on its way arrives
		return nil, errDead
	case e.down:
		return nil, errDown
	case c.chance(0.02):
		c.fault("request refused")
		return refusal([]int{429, 503, 502}[c.random.IntN(3)], "es_rejected_execution_exception"), nil
	case c.chance(0.01) && bytes.Count(body, []byte("\n")) > 3:
		c.fault("request too large")
		return refusal(413, "too_large"), nil
	case c.chance(0.02):
		c.fault("answer lost")
		e.apply(name, alias, body)
		return nil, errDown
	case c.chance(0.01):
		c.fault("request stalled")
		return c.stall(ctx, name, alias, slices.Clone(body))
	}
	return e.apply(name, alias, body), nil
}

// stall carries a request out late, whether its sender still waits or not. The
// caller holds mu.
func (c connection) stall(ctx context.Context, name, alias string, body []byte) (*http.Response, error) {
	result := make(chan *http.Response, 1)
	began, later := c.engine.crashes, time.Duration(c.random.Int64N(int64(150*time.Second)))
	c.inFlight++
	c.late.Go(func() {
		_ = c.wait(context.Background(), "stall", later, later)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inFlight--
		if c.engine.crashes == began {
			result <- c.engine.apply(name, alias, body)
		} else {
			result <- refusal(503, "node_disconnected")
		}
	})
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case r := <-result:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// apply judges item by item. The caller holds mu.
func (e *engine) apply(name, alias string, body []byte) *http.Response {
	x := e.indices[name]
	if x == nil || !x.aliases[alias] {
		return refusal(404, "index_not_found_exception")
	}
	items := []object{}
	for lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")); len(lines) > 0; {
		var action map[string]struct {
			ID      int64 `json:"_id,string"`
			Version int64 `json:"version"`
		}
		_ = json.Unmarshal(lines[0], &action)
		lines = lines[1:]
		for verb, a := range action {
			var source []byte
			if verb == "index" {
				source, lines = lines[0], lines[1:]
			}
			items = append(items, object{verb: e.item(x, name, a.ID, a.Version, source)})
		}
	}
	return answer(200, object{"items": items})
}

func (e *engine) item(x *index, name string, id, version int64, source []byte) object {
	item := object{"_id": strconv.FormatInt(id, 10), "status": 429, "error": object{"type": "rejected_execution_exception", "reason": "simulated"}}
	if e.refuses(id, movie.Version(version), source == nil) {
		e.faults["item refused"]++
		return item
	}
	delete(item, "error")
	status := e.write(x, id, movie.Version(version), slices.Clone(source))
	if item["status"] = status; status == 409 {
		item["error"] = object{"type": "version_conflict_engine_exception", "reason": "simulated"}
	}
	e.note("%s: movie %d at %d deleted %v: %d", name, id, version, source == nil, status)
	return item
}
