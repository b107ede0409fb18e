package movie

// Edit says who changes a movie and which state of it they saw.
type Edit struct {
	// By is the editor's subject at the OpenID provider; it goes into the audit.
	By string
	// Revision must be the movie's current one, or the edit is an ErrConflict.
	Revision int64
	// Figures: the movie's rating and votes are meant as the imported figures. When
	// it is false, and users have rated the movie, what is given may be the mixed
	// figures that readers see, and the imported ones stay as they are.
	Figures bool
}
