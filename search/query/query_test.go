package query_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"movies/search/query"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden prints what is understood from many queries. Run with -update after a
// deliberate change and read the diff.
func TestGolden(t *testing.T) {
	f, err := os.Open("testdata/queries.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got strings.Builder
	lines := bufio.NewScanner(f)
	n := 0
	for ; lines.Scan(); n++ {
		fmt.Fprintf(&got, "%s\t%s\n", lines.Text(), query.Parse(lines.Text()))
	}
	if n < 70 {
		t.Fatalf("only %d queries were read", n)
	}
	const golden = "testdata/understood.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("understood differently (-want +got):\n%s", diff)
	}
}

func TestNothingIsSwallowed(t *testing.T) {
	f, err := os.Open("testdata/queries.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text := lines.Text()
		if strings.ContainsAny(text, `"-–`) {
			continue // exclusions and ranges leave something out, that is what they are for
		}
		var kept []string
		for _, term := range query.Parse(text).Terms {
			kept = append(kept, term.Words...)
		}
		if diff := cmp.Diff(query.Words(text), kept); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestFoldMakesEqualWhatNobodyTypes(t *testing.T) {
	for _, equal := range [][]string{
		{"Spider-Man", "spider man", "SPIDER–MAN"},
		{"WALL·E", "wall-e", "Wall E"},
		{"M*A*S*H", "mash", "M.A.S.H."},
		{"Amélie", "amelie", "Ame\u0301lie"},
		{"Straße", "strasse"}, {"Œuvre", "oeuvre"}, {"Smørrebrød", "smorrebrod"}, {"Łódź", "lodz"},
		{"Ёлки", "елки"}, {"Ocean's Eleven", "Ocean’s 11", "oceans eleven"},
		{"The Godfather Part II", "the godfather pt 2"}, {"2,000 Maniacs", "2000 maniacs"},
		{"Fast & Furious", "fast and furious"}, {"8½", "8 1/2"}, {"ＡＫＩＲＡ", "akira"}, {"Alien³", "alien 3"},
	} {
		for _, other := range equal[1:] {
			if got, want := query.Fold(other), query.Fold(equal[0]); got != want {
				t.Errorf("%q folds to %q, %q to %q", other, got, equal[0], want)
			}
		}
	}
	if query.Glue("Spider-Man") != query.Glue("spiderman") {
		t.Errorf("%q and %q", query.Glue("Spider-Man"), query.Glue("spiderman"))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", `"a b" -c`, "1990-95", "-\"x", "“a” „b”", "\xff", "ǅ·é*a*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q := query.Parse(text)
		if len(q.Terms) > query.MaxTerms {
			t.Fatalf("%d terms", len(q.Terms))
		}
		required := 0
		for _, term := range q.Terms {
			if len(term.Words) == 0 {
				t.Fatalf("a term without words in %s", q)
			}
			if term.Required() {
				required++
			}
		}
		if len(q.Terms) > 0 && required == 0 {
			t.Fatalf("nothing is required in %s", q)
		}
		if q.String() != query.Parse(text).String() {
			t.Fatal("not repeatable")
		}
	})
}
