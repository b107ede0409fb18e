package movie

import "time"

// Watched is a movie on somebody's watchlist.
type Watched struct {
	ID      int64     `json:"id"`
	AddedAt time.Time `json:"added_at"`
}

// UserRating is what somebody thinks of a movie.
type UserRating struct {
	ID int64 `json:"id"`
	// Rating is from 0 to MaxRating, in tenths.
	Rating  float64   `json:"rating"`
	RatedAt time.Time `json:"rated_at"`
}
