package generate

import (
	"math"
	"sort"
)

// The shapes of a sample of 9,750 real movies, as parameters: what is drawn from
// them has its quantiles, moments and correlations.

// quantiles is a distribution by its values at the probabilities of steps;
// between them it is linear.
type quantiles [len(steps)]float64

var steps = [...]float64{0, .05, .10, .25, .50, .75, .90, .95, .99, 1}

var (
	years     = quantiles{1902, 1978, 1988, 2002, 2013, 2019, 2022, 2023, 2025, 2028}
	runtimes  = quantiles{4, 62, 76, 88, 97, 112, 130, 144, 178, 320}
	overviews = quantiles{40, 103, 123, 160, 243, 368, 465, 566, 781, 1004} // bytes
)

func (q *quantiles) draw(r *random) float64 {
	p := r.float()
	i := sort.SearchFloat64s(steps[1:len(steps)-1], p) // the step that p is in
	return q[i] + (q[i+1]-q[i])*(p-steps[i])/(steps[i+1]-steps[i])
}

// Votes and popularity are log-normal, popularity above a floor; a rating rises
// with the votes.
const (
	logVotes, logVotesSpread           = 6.04, 1.9
	popularityFloor                    = 7.0
	logPopularity, logPopularitySpread = 2.5, 1.33
	popularityByVotes                  = .19 // correlation of the logarithms
	meanRating, ratingSpread           = 6.51, .958
	ratingByVotes                      = .33
)

type figures struct {
	year, runtime      int
	rating, popularity float64
	votes              int64
}

func drawFigures(r *random) figures {
	byVotes, byItself := r.normals()
	byFame, _ := r.normals()
	f := figures{year: int(years.draw(r))}
	fame := popularityByVotes*byVotes + math.Sqrt(1-popularityByVotes*popularityByVotes)*byFame
	f.popularity = round(popularityFloor+math.Exp(logPopularity+logPopularitySpread*fame), 1000)
	if r.chance(98, 100) {
		f.votes = 1 + int64(math.Exp(logVotes+logVotesSpread*byVotes))
		quality := ratingByVotes*byVotes + math.Sqrt(1-ratingByVotes*ratingByVotes)*byItself
		f.rating = round(min(max(meanRating+ratingSpread*quality, 1), 10), 10)
	}
	if r.chance(9, 10) {
		f.runtime = int(runtimes.draw(r))
	}
	return f
}

// round keeps the precision of 1/unit.
func round(x, unit float64) float64 { return math.Round(x*unit) / unit }

// How often values occur, of 1,000 movies.
var (
	genreNames = []string{"Drama", "Comedy", "Action", "Thriller", "Adventure", "Horror", "Animation", "Romance", "Crime", "Fantasy",
		"Sci-Fi", "Mystery", "Family", "War", "Documentary", "Western", "Musical", "History", "Music"}
	genreWeights = []int{360, 267, 259, 194, 157, 145, 144, 122, 111, 85, 84, 57, 84, 22, 22, 10, 9, 9, 8}

	genreCounts   = []int{5, 236, 309, 450}
	castCounts    = []int{8, 6, 8, 10, 12, 14, 18, 24, 34, 50, 790, 26}
	directorCount = []int{6, 944, 44, 6}
	keywordCounts = []int{487, 25, 25, 25, 20, 20, 20, 18, 15, 15, 330}
	akaCounts     = []int{620, 160, 90, 50, 30, 20, 12, 8, 5, 5}
	titleWords    = []int{0, 198, 275, 205, 128, 83, 52, 29, 14, 7, 4, 3, 2}
)

// drawGenres draws without putting back.
func drawGenres(r *random) []string {
	n := draw(r, genreCounts)
	genres := make([]string, 0, n)
	for taken := 0; len(genres) < n; {
		g := draw(r, genreWeights)
		if bit := 1 << g; taken&bit == 0 {
			taken |= bit
			genres = append(genres, genreNames[g])
		}
	}
	return orNone(genres)
}
