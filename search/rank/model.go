package rank

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
)

// Model is a sum of regression trees over features. It is read-only and safe for
// concurrent use.
type Model struct {
	// Features are the names of the columns the trees were grown on; they must be
	// those of this package.
	Features []string `json:"features"`
	// Trees in the order they were grown; the order does not matter.
	Trees []Tree `json:"trees"`
}

// Tree is a binary tree in arrays. A node i that decides compares
// Feature[i] with Threshold[i]: not above goes to Left[i], above to Right[i]. A
// negative child c is the leaf Value[^c]. The root is node 0; a tree without
// nodes is the leaf Value[0].
type Tree struct {
	Feature   []int     `json:"f"`
	Threshold []float32 `json:"t"`
	Left      []int     `json:"l"`
	Right     []int     `json:"r"`
	Value     []float32 `json:"v"`
}

// Score is the sum of the leaves that the features reach.
func (m *Model) Score(features []float32) float64 {
	var sum float64
	for i := range m.Trees {
		sum += float64(m.Trees[i].leaf(features))
	}
	return sum
}

func (t *Tree) leaf(features []float32) float32 {
	if len(t.Feature) == 0 {
		return t.Value[0]
	}
	at := 0
	for at >= 0 {
		if features[t.Feature[at]] <= t.Threshold[at] {
			at = t.Left[at]
		} else {
			at = t.Right[at]
		}
	}
	return t.Value[^at]
}

// ReadModel decodes a model and checks that it fits the features of this package
// and that no tree can lead astray.
func ReadModel(raw []byte) (*Model, error) {
	var m Model
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("ranking model: %w", err)
	}
	if !slices.Equal(m.Features, Names) {
		return nil, fmt.Errorf("ranking model: it was trained on other features; train it anew")
	}
	for i, t := range m.Trees {
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("ranking model: tree %d: %w", i, err)
		}
	}
	return &m, nil
}

func (t *Tree) check() error {
	n := len(t.Feature)
	if len(t.Threshold) != n || len(t.Left) != n || len(t.Right) != n || len(t.Value) != n+1 {
		return fmt.Errorf("%d nodes do not have as many thresholds and children and one leaf more", n)
	}
	for i := range n {
		if t.Feature[i] < 0 || t.Feature[i] >= len(Names) {
			return fmt.Errorf("node %d asks for feature %d of %d", i, t.Feature[i], len(Names))
		}
		for _, child := range []int{t.Left[i], t.Right[i]} {
			if child >= n || child >= 0 && child <= i || child < -n-1 {
				return fmt.Errorf("node %d has child %d", i, child)
			}
		}
	}
	return nil
}

//go:embed model.json
var committed []byte

// model is the committed one; a test reads it, so that this cannot fail.
var model = mustRead(committed)

func mustRead(raw []byte) *Model {
	if len(raw) < 10 {
		return &Model{}
	}
	m, err := ReadModel(raw)
	if err != nil {
		panic(err)
	}
	return m
}
