package api

import (
	"strconv"
	"strings"

	"movies/search"
)

// facetView is a group of choices with counts.
type facetView struct {
	Name, Title string
	// Choices are shown at once, Further on demand.
	Choices, Further []option
}

// facetChoices is how many values a facet shows at once.
const facetChoices = 7

func facetViews(r search.Request, facets map[search.Facet][]search.FacetCount) []facetView {
	var out []facetView
	for _, f := range []struct {
		facet  search.Facet
		title  string
		chosen []string
	}{
		{search.FacetGenre, "Genre", r.Genres}, {search.FacetLanguage, "Language", r.Languages}, {search.FacetCountry, "Country", r.Countries},
	} {
		v := facetView{Name: string(f.facet), Title: f.title}
		left := f.chosen
		for _, c := range facets[f.facet] {
			o := option{Name: v.Name, Value: c.Value, Count: grouped(c.Count), Chosen: len(without(left, c.Value)) < len(left)}
			left = without(left, c.Value)
			if len(v.Choices) < facetChoices || o.Chosen {
				v.Choices = append(v.Choices, o)
			} else {
				v.Further = append(v.Further, o)
			}
		}
		for _, value := range left { // chosen, and matching nothing
			v.Choices = append(v.Choices, option{Name: v.Name, Value: value, Count: "0", Chosen: true})
		}
		if len(v.Choices) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// yearBar is a decade of the histogram, a link that chooses it.
type yearBar struct {
	Label, Count, Address string
	// Height of the bar, of 40; the least one is still seen.
	Height, Top int
	Within      bool
}

// mostBars is how many bars are wide enough to be hit by a finger.
const mostBars = 10

// yearBars draws the decades up to the last one, the empty ones too. Where there
// are too many, the first bar stands for all before it as well.
func yearBars(r search.Request, counts []search.FacetCount) []yearBar {
	films := map[int]int64{}
	first, last := 0, 0
	for _, c := range counts {
		decade, err := strconv.Atoi(c.Value)
		if err != nil {
			continue
		}
		films[decade] = c.Count
		if first == 0 || decade < first {
			first = decade
		}
		last = max(last, decade)
	}
	if len(films) < 2 {
		return nil
	}
	earlier := last-10*(mostBars-1) > first
	for ; last-first > 10*(mostBars-1); first += 10 {
		films[first+10] += films[first]
	}
	most := int64(1)
	for decade := first; decade <= last; decade += 10 {
		most = max(most, films[decade])
	}
	var out []yearBar
	for decade := first; decade <= last; decade += 10 {
		bar := yearBar{Label: itoa(decade) + "s", Count: count(search.Total{Value: films[decade], Exact: true})}
		within := years(decade, decade+9)
		if earlier && decade == first {
			bar.Label, within = "Until "+itoa(decade+9), years(0, decade+9)
		}
		if bar.Height = int(38 * films[decade] / most); films[decade] > 0 {
			bar.Height += 2
		}
		bar.Top = 40 - bar.Height
		bar.Address = edited(r, func(r *search.Request) { r.Year = within })
		bar.Within = overlap(r.Year, within)
		out = append(out, bar)
	}
	return out
}

func overlap(a, b search.Range) bool {
	below := func(end, start *float64) bool { return end != nil && start != nil && *end < *start }
	return !below(a.To, b.From) && !below(b.To, a.From)
}

// yearText is an end of the year range as the form shows it.
func yearText(f *float64) string {
	return strings.TrimSuffix(search.Range{From: f, To: f}.String(), "..")
}
