package movie

import (
	"reflect"
	"slices"
	"strings"
)

// Fields are the names of a movie's JSON fields, in their order.
var Fields = jsonFields(reflect.TypeFor[Movie]())

func jsonFields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// nearestField is the known field that a misspelt name most likely means.
func nearestField(name string) string {
	return Nearest(name, append(jsonFields(reflect.TypeFor[Credit]()), Fields...))
}

// Nearest is the candidate with the fewest insertions, deletions and
// replacements between it and name, without regard to case; the first of equals,
// and "" when there is no candidate.
func Nearest(name string, candidates []string) string {
	name = strings.ToLower(name)
	best, bestDistance := "", 0
	for _, c := range candidates {
		if d := editDistance([]rune(name), []rune(strings.ToLower(c))); best == "" || d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance.
func editDistance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + slices.Min([]int{diagonal, row[j], row[j+1]})
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
