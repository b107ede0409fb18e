package opensearch

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// Outcome is what has become of one item of a Bulk.
type Outcome uint8

// The outcomes. Only Done, Superseded and Poison are final.
const (
	// Retry: not written, and may well be later: the cluster is unreachable,
	// overloaded, blocked or refuses the credentials. The zero value, so that
	// nothing counts as written by omission.
	Retry Outcome = iota
	// Done: written; or a deletion of what was not there.
	Done
	// Superseded: the index holds this version or a newer one.
	Superseded
	// Poison: this document will never be accepted as it is.
	Poison
	// TooLarge: the request is too large as a whole; its parts may not be.
	TooLarge
	// Refused: the index takes no writes: it is gone, closed, or its WriteAlias
	// has been withdrawn. Which of them, WriteState tells.
	Refused
)

// String is the outcome's name as metrics and logs spell it.
func (o Outcome) String() string {
	names := [...]string{"retry", "done", "superseded", "poison", "too_large", "refused"}
	if int(o) < len(names) {
		return names[o]
	}
	return "outcome " + strconv.Itoa(int(o))
}

// Result is the engine's verdict on one item.
type Result struct {
	Outcome Outcome
	// Status is the item's or the request's HTTP status, 0 without an answer.
	Status int
	// Reason is the engine's explanation; empty for Done and Superseded.
	Reason string
}

// bulkAnswer is what bulkParameters ask for.
type bulkAnswer struct {
	Items []struct {
		Index  *itemAnswer `json:"index"`
		Delete *itemAnswer `json:"delete"`
	} `json:"items"`
}

type itemAnswer struct {
	ID     string      `json:"_id"`
	Status int         `json:"status"`
	Error  *errorCause `json:"error"`
}

// judge gives each item its result; it reports false if the answer is not one to
// these items.
func (a *bulkAnswer) judge(items []bulkItem) ([]Result, bool) {
	if len(a.Items) != len(items) {
		return nil, false
	}
	results := make([]Result, len(items))
	for i, item := range items {
		answer := a.Items[i].Index
		if item.deletion {
			answer = a.Items[i].Delete
		}
		if answer == nil || answer.ID != strconv.FormatInt(item.id, 10) {
			return nil, false
		}
		results[i] = answer.judge(item.deletion)
	}
	return results, true
}

func (a *itemAnswer) judge(deletion bool) Result {
	r := Result{Outcome: judgeItem(deletion, a.Status, a.Error), Status: a.Status}
	if r.Outcome != Done && r.Outcome != Superseded {
		r.Reason = a.Error.describe()
	}
	return r
}

// judgeItem is the table by which items are judged. What is not known here is
// tried again: an item that holds up its feed is seen, a lost one is not.
func judgeItem(deletion bool, status int, cause *errorCause) Outcome {
	if cause == nil {
		written := status == http.StatusOK || status == http.StatusCreated
		if written || deletion && status == http.StatusNotFound {
			return Done
		}
		return Retry
	}
	switch {
	case takesNoWrites(cause.Type):
		return Refused
	case status == http.StatusConflict && cause.Type == "version_conflict_engine_exception":
		return Superseded
	case status == http.StatusBadRequest:
		return Poison
	}
	return Retry
}

// takesNoWrites tells the errors that are about the index, not the document. An
// attempt to create an index named like a WriteAlias is an invalid name.
func takesNoWrites(errorType string) bool {
	switch errorType {
	case "index_not_found_exception", "invalid_index_name_exception", "index_closed_exception":
		return true
	}
	return false
}

// judgeRequest is the result of each of n items when the request failed as a
// whole. A refused request says nothing about a document, except that a single
// one can be too large.
func judgeRequest(err error, n int) Result {
	r := Result{Outcome: Retry, Reason: err.Error()}
	var answer *Error
	if !errors.As(err, &answer) {
		return r
	}
	r.Status = answer.Status
	switch {
	case takesNoWrites(answer.Type):
		r.Outcome = Refused
	case answer.Status == http.StatusRequestEntityTooLarge && n == 1:
		r.Outcome = Poison
	case answer.Status == http.StatusRequestEntityTooLarge:
		r.Outcome = TooLarge
	}
	return r
}

// describe is the error and its innermost cause, which names field and value.
func (e *errorCause) describe() string {
	if e == nil {
		return "no reason given"
	}
	text := fmt.Sprintf("%s: %s", e.Type, e.Reason)
	root := e
	for root.CausedBy != nil {
		root = root.CausedBy
	}
	if root != e {
		text += fmt.Sprintf(" (%s: %s)", root.Type, root.Reason)
	}
	return text
}
