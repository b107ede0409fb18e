package postgres

import "context"

// Count is the number of movies. It scans an index: seconds for tens of millions.
func (c *Catalog) Count(ctx context.Context) (int64, error) {
	var n int64
	err := c.pool.QueryRow(ctx, `SELECT count(*) FROM movies`).Scan(&n)
	return n, err
}
