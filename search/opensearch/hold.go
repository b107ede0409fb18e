package opensearch

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"movies/internal/movie"
)

// holdMark begins the alias that marks an index as held; the holder's token ends
// it. Only a hold with a mark expires: an index whose WriteAlias somebody has
// taken away by hand stays as it is.
func holdMark(index string) string { return index + "-HOLD-" }

// Hold stops all writes to an index for a moment: its WriteAlias makes way for a
// mark with the token, by which nobody else ends this hold in the belief that it
// is theirs. Whoever finds that the moment has lasted too long may Release it;
// that ends the hold for everybody, EndHold included.
func (c *Client) Hold(ctx context.Context, index, token string) error {
	return c.UpdateAliases(ctx,
		AliasAction{Alias: WriteAlias(index), Index: index, Remove: true},
		AliasAction{Alias: holdMark(index) + token, Index: index})
}

// EndHold carries out actions together with the end of a hold of an index. It is
// movie.ErrNotFound, and nothing is carried out, if that hold has ended: the index
// may have been written to meanwhile.
func (c *Client) EndHold(ctx context.Context, index, token string, actions ...AliasAction) error {
	return c.UpdateAliases(ctx, append([]AliasAction{
		{Alias: holdMark(index) + token, Index: index, Remove: true},
		{Alias: WriteAlias(index), Index: index}}, actions...)...)
}

// Release ends the hold of an index, whoever's it is. released tells whether it
// was held.
func (c *Client) Release(ctx context.Context, index string) (released bool, err error) {
	var answer map[string]struct {
		Aliases map[string]any `json:"aliases"`
	}
	if err := c.do(ctx, http.MethodGet, "/"+index+"/_alias", nil, nil, &answer); err != nil && !errors.Is(err, movie.ErrNotFound) {
		return false, err
	}
	for alias := range answer[index].Aliases {
		token, held := strings.CutPrefix(alias, holdMark(index))
		if !held {
			continue
		}
		err := c.EndHold(ctx, index, token)
		if err != nil && !errors.Is(err, movie.ErrNotFound) {
			return released, err
		}
		released = released || err == nil
	}
	return released, nil
}
