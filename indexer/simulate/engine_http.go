package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"movies/internal/config"
	"movies/internal/movie"
	"movies/search/opensearch"
)

// connection is the engine as one process reaches it, over HTTP.
type connection struct{ *process }

// connect gives the service's client of the engine.
func (p *process) connect() (*opensearch.Client, error) {
	return opensearch.NewOver(connection{p}, config.Search{URLs: []string{"http://engine"}})
}

type object = map[string]any

// RoundTrip implements http.RoundTripper.
func (c connection) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if path[len(path)-1] == "_bulk" {
		return c.bulk(r.Context(), strings.TrimSuffix(path[0], "-WRITE"), path[0], body)
	}
	// Records are answered at once: they are written under a lock.
	isRecord := len(path) == 3 && path[1] == "_doc"
	if !isRecord {
		if err := c.step(r.Context(), r.Method+r.URL.Path, 100*time.Microsecond, 4*time.Millisecond); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.dead:
		return nil, errDead
	case isRecord:
		return c.engine.record(r, path[0], body), nil
	case c.engine.down:
		return nil, errDown
	}
	return c.engine.administer(r, path, body), nil
}

func answer(status int, body any) *http.Response {
	raw, _ := json.Marshal(body)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(raw)), ContentLength: int64(len(raw))}
}

func refusal(status int, kind string) *http.Response {
	return answer(status, object{"status": status, "error": object{"type": kind, "reason": "simulated"}})
}

// administer answers everything but bulk requests and records.
func (e *engine) administer(r *http.Request, path []string, body []byte) *http.Response {
	name, last := path[0], path[len(path)-1]
	var in object
	_ = json.Unmarshal(body, &in) // empty for requests without a body
	switch {
	case last == "_aliases":
		return e.updateAliases(in)
	case path[0] == "_cluster" && path[1] == "settings":
		return answer(200, object{})
	case path[0] == "_cluster":
		return answer(200, object{"number_of_data_nodes": 1})
	case path[0] == "_nodes":
		return answer(200, object{"nodes": object{"one": object{"fs": object{"total": object{"total_in_bytes": 1 << 50, "available_in_bytes": 1 << 49}}}}})
	case path[0] == "_search":
		return e.scroll(r.Method, in)
	case len(path) == 1 && r.Method == http.MethodPut:
		return e.create(name, in)
	}
	found := e.find(name)
	if len(found) == 0 {
		return refusal(404, "index_not_found_exception")
	}
	x := e.indices[found[0]]
	switch {
	case len(path) == 1 && r.Method == http.MethodDelete:
		delete(e.indices, name)
		return answer(200, object{})
	case len(path) == 1, last == "_alias":
		out := object{}
		for _, name := range found {
			out[name] = object{"aliases": e.indices[name].aliases, "mappings": object{"_meta": e.indices[name].meta}}
		}
		return answer(200, out)
	case last == "_settings" && r.Method == http.MethodPut:
		x.set(in)
		return answer(200, object{})
	case last == "_settings":
		return answer(200, object{found[0]: object{"settings": object{"index.number_of_shards": "1", "index.number_of_replicas": "0"}}})
	case last == "_refresh":
		x.shown = maps.Clone(x.documents)
		return answer(200, object{})
	case last == "docs,store":
		n := object{"docs": object{"count": len(x.live())}, "store": object{"size_in_bytes": 1}}
		return answer(200, object{"_all": object{"primaries": n, "total": n}})
	case last == "_mget":
		return x.multiGet(in)
	case last == "_search":
		return e.scan(x, in)
	}
	return refusal(400, "not_simulated: "+r.Method+" "+r.URL.Path)
}

func (e *engine) create(name string, in object) *http.Response {
	if strings.HasSuffix(name, "-reindex") {
		return answer(200, object{})
	}
	x := &index{aliases: make(map[string]bool), documents: make(map[int64]*document), highest: make(map[int64]movie.Version), gcDeletes: time.Minute}
	settings := in["settings"].(object)["index"].(object)
	x.set(object{"index.gc_deletes": settings["gc_deletes"]})
	x.meta = in["mappings"].(object)["_meta"].(object)
	for alias := range in["aliases"].(object) {
		x.aliases[alias] = true
	}
	e.indices[name] = x
	e.note("index %s", name)
	return answer(200, object{})
}

// updateAliases carries out all actions, or none if one of them is impossible.
func (e *engine) updateAliases(in object) *http.Response {
	actions := in["actions"].([]any)
	for _, action := range actions {
		for verb, target := range action.(object) {
			t := target.(object)
			x := e.indices[t["index"].(string)]
			switch {
			case x == nil:
				return refusal(404, "index_not_found_exception")
			case verb == "remove" && t["must_exist"] == true && !x.aliases[t["alias"].(string)]:
				return refusal(404, "aliases_not_found_exception")
			}
		}
	}
	from := e.find(opensearch.ReadAlias)
	for _, action := range actions {
		for verb, target := range action.(object) {
			t := target.(object)
			alias, x := t["alias"].(string), e.indices[t["index"].(string)]
			x.aliases[alias] = true
			if verb == "remove" {
				delete(x.aliases, alias)
			}
			shown, _, _ := strings.Cut(alias, "HOLD-") // the token behind it is another in every run
			e.note("%s %s %s", verb, shown, t["index"])
		}
	}
	if to := e.find(opensearch.ReadAlias); len(from) == 1 && len(to) == 1 && from[0] != to[0] {
		e.moveReaders(e.indices[from[0]], e.indices[to[0]])
	}
	return answer(200, object{})
}

func (x *index) hit(id int64) object {
	d := x.documents[id]
	if d == nil || d.source == nil {
		return object{"_id": strconv.FormatInt(id, 10), "found": false}
	}
	return object{"_id": strconv.FormatInt(id, 10), "found": true, "_version": int64(d.version), "_source": json.RawMessage(d.source)}
}

func (x *index) multiGet(in object) *http.Response {
	docs := []object{}
	for _, name := range in["ids"].([]any) {
		id, _ := strconv.ParseInt(name.(string), 10, 64)
		docs = append(docs, x.hit(id))
	}
	return answer(200, object{"docs": docs})
}

// scan answers a slice of the index in one page.
func (e *engine) scan(x *index, in object) *http.Response {
	slice, of := 0, 1
	if s, ok := in["slice"].(object); ok {
		slice, of = int(s["id"].(float64)), int(s["max"].(float64))
	}
	hits := []object{}
	for _, id := range x.live() {
		if int(id)%of == slice {
			hits = append(hits, x.hit(id))
		}
	}
	return answer(200, object{"_scroll_id": "s", "hits": object{"hits": hits}})
}

func (e *engine) scroll(string, object) *http.Response {
	return answer(200, object{"_scroll_id": "s", "hits": object{"hits": []object{}}})
}

// record reads or writes an operators' record.
func (e *engine) record(r *http.Request, name string, body []byte) *http.Response {
	was := e.records[name]
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && was == nil:
		return answer(404, object{"found": false})
	case r.Method == http.MethodGet:
		return answer(200, object{"_seq_no": was.seqNo, "_primary_term": 1, "_source": json.RawMessage(was.source)})
	case query.Get("op_type") == "create" && was != nil, query.Has("if_seq_no") && (was == nil || query.Get("if_seq_no") != fmt.Sprint(was.seqNo)):
		return refusal(409, "version_conflict_engine_exception")
	}
	next := &record{source: body, seqNo: 1}
	if was != nil {
		next.seqNo = was.seqNo + 1
	}
	e.records[name] = next
	return answer(200, object{"_seq_no": next.seqNo, "_primary_term": 1})
}
