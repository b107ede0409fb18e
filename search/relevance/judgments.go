// Package relevance measures how good a ranking is, against judgments: which
// movies people found relevant for which query. It computes the figures the field
// uses (NDCG, MRR, recall, share of empty answers), and trains the ranker of
// package rank from the same judgments.
//
// Its promises: the figures do not depend on the order of the judgments or on
// concurrency; and what is learned is only ever measured on queries about other
// movies than those it was learned from (see Folds).
package relevance

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Question is a query and the grades of the movies that were judged for it:
// 0 not relevant, above relevant. Unjudged movies count as 0.
type Question struct {
	Query  string
	Grades map[int64]int
}

// ReadFile reads judgments from a tab-separated file, which may be gzipped:
// a header line "query, movie_id, grade", then one judgment a line.
func ReadFile(name string) ([]Question, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	questions, err := Read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return questions, nil
}

// Read reads judgments; errors name the line. Questions are ordered by query.
func Read(r io.Reader) ([]Question, error) {
	byQuery := map[string]map[int64]int{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if n == 1 && fields[0] == "query" {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d: has %d tab-separated fields, want query, movie_id, grade", n, len(fields))
		}
		id, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: movie_id %q is not a number", n, fields[1])
		}
		grade, err := strconv.Atoi(fields[2])
		if err != nil || grade < 0 || grade > maxGrade {
			return nil, fmt.Errorf("line %d: grade %q is not a number from 0 to %d", n, fields[2], maxGrade)
		}
		if byQuery[fields[0]] == nil {
			byQuery[fields[0]] = map[int64]int{}
		}
		byQuery[fields[0]][id] = grade
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	questions := make([]Question, 0, len(byQuery))
	for _, query := range slices.Sorted(maps.Keys(byQuery)) {
		questions = append(questions, Question{Query: query, Grades: byQuery[query]})
	}
	return questions, nil
}

// maxGrade keeps the exponential gain within a float's exact integers.
const maxGrade = 10

// Movies are the ids of all judged movies, in order.
func Movies(questions []Question) []int64 {
	ids := map[int64]bool{}
	for _, q := range questions {
		for id := range q.Grades {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// Sample picks n questions, always the same ones, spread evenly.
func Sample(questions []Question, n int) []Question {
	if n <= 0 || n >= len(questions) {
		return questions
	}
	shuffled := slices.Clone(questions)
	slices.SortFunc(shuffled, func(a, b Question) int { return strings.Compare(digest(a.Query), digest(b.Query)) })
	return shuffled[:n]
}

func digest(s string) string {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s)
	// The low bits of FNV mix the last letters well, the high ones do not.
	return strconv.FormatUint(h.Sum64()*0x9E3779B97F4A7C15, 36)
}
