package relevance

import (
	"slices"

	"movies/search/rank"
)

// cell sums what falls into one bin of one feature.
type cell struct {
	grad, hess float64
	n          int
}

// leaf is a set of rows on its way to being split.
type leaf struct {
	rows      []int32
	cells     [][bins]cell // by column
	grad      float64
	hess      float64
	best      split
	node      int  // the parent's node, -1 for the root
	rightSide bool // of the parent
}

// split is the best way to divide a leaf: rows with a bin not above bin go left.
type split struct {
	gain    float64
	feature int
	bin     int
}

// grow adds one tree, best leaf first, and moves the scores by it.
func (t *trainer) grow() rank.Tree {
	columns := t.columns()
	root := t.newLeaf(t.sample(), columns, -1, false)
	leaves := []*leaf{root}
	var tree rank.Tree
	for len(leaves) < t.Leaves {
		i := bestLeaf(leaves)
		if leaves[i].best.gain <= 0 {
			break
		}
		left, right := t.split(&tree, leaves[i], columns)
		leaves[i] = left
		leaves = append(leaves, right)
	}
	for i, l := range leaves {
		tree.Value = append(tree.Value, float32(t.Rate*l.grad/(l.hess+t.Lambda)))
		switch {
		case l.node < 0:
		case l.rightSide:
			tree.Right[l.node] = ^i
		default:
			tree.Left[l.node] = ^i
		}
	}
	t.apply(&tree)
	return tree
}

func (t *trainer) columns() []int {
	all := t.random.Perm(len(t.binned))
	columns := all[:max(1, int(t.Columns*float64(len(all))))]
	slices.Sort(columns)
	return columns
}

// sample picks whole queries.
func (t *trainer) sample() []int32 {
	var rows []int32
	for q := range t.ideal {
		if t.random.Float64() >= t.Rows {
			continue
		}
		for i := t.starts[q]; i < t.starts[q+1]; i++ {
			rows = append(rows, int32(i))
		}
	}
	return rows
}

func (t *trainer) newLeaf(rows []int32, columns []int, node int, right bool) *leaf {
	l := &leaf{rows: rows, node: node, rightSide: right, cells: make([][bins]cell, len(columns))}
	each(len(columns), func(c int) {
		column, cells := t.binned[columns[c]], &l.cells[c]
		for _, i := range rows {
			b := &cells[column[i]]
			b.grad += t.grad[i]
			b.hess += t.hess[i]
			b.n++
		}
	})
	t.judge(l, columns)
	return l
}

// sibling is what is left of parent without l; its cells need no counting.
func (t *trainer) sibling(parent, l *leaf, rows []int32, columns []int, right bool) *leaf {
	s := &leaf{rows: rows, node: l.node, rightSide: right, cells: parent.cells}
	for c := range s.cells {
		for b := range s.cells[c] {
			s.cells[c][b].grad -= l.cells[c][b].grad
			s.cells[c][b].hess -= l.cells[c][b].hess
			s.cells[c][b].n -= l.cells[c][b].n
		}
	}
	t.judge(s, columns)
	return s
}

// judge finds the leaf's sums and its best split.
func (t *trainer) judge(l *leaf, columns []int) {
	n := 0
	for _, b := range l.cells[0] {
		l.grad += b.grad
		l.hess += b.hess
		n += b.n
	}
	whole := t.worth(l.grad, l.hess)
	best := make([]split, len(columns))
	each(len(columns), func(c int) {
		var left cell
		for b := range len(t.cuts[columns[c]]) {
			left.grad += l.cells[c][b].grad
			left.hess += l.cells[c][b].hess
			left.n += l.cells[c][b].n
			if left.n < t.MinLeaf || n-left.n < t.MinLeaf {
				continue
			}
			gain := t.worth(left.grad, left.hess) + t.worth(l.grad-left.grad, l.hess-left.hess) - whole
			if gain > best[c].gain {
				best[c] = split{gain: gain, feature: columns[c], bin: b}
			}
		}
	})
	for _, s := range best {
		if s.gain > l.best.gain+1e-12 {
			l.best = s
		}
	}
}

func (t *trainer) worth(grad, hess float64) float64 { return grad * grad / (hess + t.Lambda) }

func bestLeaf(leaves []*leaf) int {
	best := 0
	for i, l := range leaves {
		if l.best.gain > leaves[best].best.gain {
			best = i
		}
	}
	return best
}

// split makes a leaf a node of the tree with two leaves.
func (t *trainer) split(tree *rank.Tree, l *leaf, columns []int) (left, right *leaf) {
	node := len(tree.Feature)
	tree.Feature = append(tree.Feature, l.best.feature)
	tree.Threshold = append(tree.Threshold, t.cuts[l.best.feature][l.best.bin])
	tree.Left, tree.Right = append(tree.Left, 0), append(tree.Right, 0)
	switch {
	case l.node < 0:
	case l.rightSide:
		tree.Right[l.node] = node
	default:
		tree.Left[l.node] = node
	}
	column := t.binned[l.best.feature]
	var below, above []int32
	for _, i := range l.rows {
		if int(column[i]) <= l.best.bin {
			below = append(below, i)
		} else {
			above = append(above, i)
		}
	}
	if len(below) < len(above) {
		left = t.newLeaf(below, columns, node, false)
		right = t.sibling(l, left, above, columns, true)
	} else {
		right = t.newLeaf(above, columns, node, true)
		left = t.sibling(l, right, below, columns, false)
	}
	return left, right
}

// apply adds the tree to the scores of all rows, sampled or not.
func (t *trainer) apply(tree *rank.Tree) {
	if len(tree.Feature) == 0 {
		return
	}
	bin := make([]uint8, len(tree.Feature))
	for n, f := range tree.Feature {
		b, _ := slices.BinarySearch(t.cuts[f], tree.Threshold[n])
		bin[n] = uint8(b)
	}
	each(len(t.ideal), func(q int) {
		for i := t.starts[q]; i < t.starts[q+1]; i++ {
			at := 0
			for at >= 0 {
				if t.binned[tree.Feature[at]][i] <= bin[at] {
					at = tree.Left[at]
				} else {
					at = tree.Right[at]
				}
			}
			t.scores[i] += float64(tree.Value[^at])
		}
	})
}
