package opensearch_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"movies/search/query"
)

// analyze asks the engine how the index would cut a text.
func (c *catalogue) analyze(analyzer, text string) []string {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{"analyzer": analyzer, "text": text})
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := http.Post(c.url+"/"+c.index+"/_analyze", "application/json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Tokens []struct {
			Token string `json:"token"`
		} `json:"tokens"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %s %v", text, res.Status, err)
	}
	out := []string{}
	for _, t := range answer.Tokens {
		out = append(out, t.Token)
	}
	return out
}

// TestServiceAndIndexCutTextAlike holds query.Words and query.Glue to the index's
// analysis, for the ranker compares titles itself.
func TestServiceAndIndexCutTextAlike(t *testing.T) {
	t.Parallel()
	c := newCatalogue(t, 1)
	for _, text := range []string{
		"Spider-Man: No Way Home", "WALL·E", "M*A*S*H", "S.W.A.T.", "E.T. the Extra-Terrestrial", "Mr. Smith Goes to Washington",
		"Ocean's Eleven", "Ocean’s Twelve", "L'Avventura", "D'Artagnan", "Qu'un sang impur", "Dell'amore", "O'Brother",
		"The Godfather Part II", "Rocky IV", "Doctor Strange vs. Mister X", "Seven Samurai", "Twenty-One", "The Third Man",
		"2,000 Maniacs", "10.000 BC", "3:10 to Yuma", "8½", "Alien³", "Fast & Furious", "π", "½ Prince", "1,2,3", "2.0",
		"Amélie", "Ame\u0301lie", "Straße", "Œuvre", "Smørrebrød", "Łódź", "Æon Flux", "Ngô Thanh Vân", "Şehir", "İstanbul", "Đorđe",
		"Ёлки", "Андрей Рублёв", "Ґудзик", "Αστέρας", "Μια αιωνιότητα", "Ο Θίασος", "مدرسة", "أبي فوق الشجرة", "١٩٩٩", "שלום", "मदर इंडिया",
		"Se7en", "xXx", "[REC]", "What Ever Happened to Baby Jane?", "Face/Off", "sex, lies, and videotape", "...And Justice for All",
		"THX 1138", "if....", "Dont Look Back", "An_underscore", "ＡＫＩＲＡ", "It's a Mad, Mad, Mad, Mad World", "Y tu mamá también", "M",
	} {
		if diff := cmp.Diff(c.analyze("joined_search", text), query.Words(text)); diff != "" {
			t.Errorf("words of %q differ (-index +service):\n%s", text, diff)
		}
		if diff := cmp.Diff(strings.Join(c.analyze("glued", text), "|"), query.Glue(text)); diff != "" {
			t.Errorf("glue of %q differs (-index +service):\n%s", text, diff)
		}
	}
}
