package opensearch

import (
	"context"
	"errors"

	"movies/internal/movie"
)

// holdAlias marks an index that is held. Only a hold with the mark expires: an
// index whose WriteAlias somebody has taken away by hand stays as it is.
func holdAlias(index string) string { return index + "-HOLD" }

// Hold stops all writes to an index for a moment: its WriteAlias makes way for a
// mark. Whoever finds that the moment has lasted too long may Release it; that
// ends the hold for everybody, EndHold included.
func (c *Client) Hold(ctx context.Context, index string) error {
	return c.UpdateAliases(ctx,
		AliasAction{Alias: WriteAlias(index), Index: index, Remove: true},
		AliasAction{Alias: holdAlias(index), Index: index})
}

// EndHold carries out actions together with the end of the hold of an index. It
// is movie.ErrNotFound, and nothing is carried out, if the index is not held any
// more: it may have been written to meanwhile.
func (c *Client) EndHold(ctx context.Context, index string, actions ...AliasAction) error {
	return c.UpdateAliases(ctx, append([]AliasAction{
		{Alias: holdAlias(index), Index: index, Remove: true},
		{Alias: WriteAlias(index), Index: index}}, actions...)...)
}

// Release ends the hold of an index, if it is held. released tells whether it was.
func (c *Client) Release(ctx context.Context, index string) (released bool, err error) {
	err = c.EndHold(ctx, index)
	if errors.Is(err, movie.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
