package opensearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DataNodes is how many nodes of the cluster hold documents.
func (c *Client) DataNodes(ctx context.Context) (int, error) {
	var answer struct {
		N int `json:"number_of_data_nodes"`
	}
	err := c.do(ctx, http.MethodGet, "/_cluster/health", nil, nil, &answer)
	return answer.N, err
}

// AwaitCopies waits until all copies of the index are there, for a while; it
// reports false when they are not yet.
func (c *Client) AwaitCopies(ctx context.Context, index string, patience time.Duration) (bool, error) {
	query := url.Values{"wait_for_status": {"green"}, "timeout": {fmt.Sprintf("%dms", patience.Milliseconds())}}
	err := c.do(ctx, http.MethodGet, "/_cluster/health/"+index, query, nil, nil)
	var answer *Error
	if errors.As(err, &answer) && answer.Status == http.StatusRequestTimeout {
		return false, nil
	}
	return err == nil, err
}

// Copies is the number of shards of an index, and of replicas of each.
func (c *Client) Copies(ctx context.Context, index string) (shards, replicas int, err error) {
	var answer map[string]struct {
		Settings struct {
			Shards   string `json:"index.number_of_shards"`
			Replicas string `json:"index.number_of_replicas"`
		}
	}
	if err := c.do(ctx, http.MethodGet, "/"+index+"/_settings", url.Values{"flat_settings": {"true"}}, nil, &answer); err != nil {
		return 0, 0, err
	}
	for _, a := range answer {
		shards, err1 := strconv.Atoi(a.Settings.Shards)
		replicas, err2 := strconv.Atoi(a.Settings.Replicas)
		return shards, replicas, errors.Join(err1, err2)
	}
	return 0, 0, fmt.Errorf("index %s has no settings", index)
}

// Setting is one setting of an index, such as index.gc_deletes, its default
// included.
func (c *Client) Setting(ctx context.Context, index, name string) (string, error) {
	var answer map[string]struct {
		Settings, Defaults map[string]any
	}
	query := url.Values{"flat_settings": {"true"}, "include_defaults": {"true"}}
	if err := c.do(ctx, http.MethodGet, "/"+index+"/_settings/"+name, query, nil, &answer); err != nil {
		return "", err
	}
	for _, a := range answer {
		for _, level := range []map[string]any{a.Settings, a.Defaults} {
			if value, ok := level[name]; ok {
				return fmt.Sprint(value), nil
			}
		}
	}
	return "", fmt.Errorf("index %s has no setting %s", index, name)
}

// FreeBytes is how much may still be written to the cluster's data nodes, all
// together, before the engine stops allocating to them or makes indices
// read-only (its high disk watermark).
func (c *Client) FreeBytes(ctx context.Context) (int64, error) {
	var stats struct {
		Nodes map[string]struct {
			Roles []string
			FS    struct {
				Total struct {
					Total     int64 `json:"total_in_bytes"`
					Available int64 `json:"available_in_bytes"`
				}
			}
		}
	}
	if err := c.do(ctx, http.MethodGet, "/_nodes/stats/fs", nil, nil, &stats); err != nil {
		return 0, err
	}
	reserve, err := c.diskReserve(ctx)
	if err != nil {
		return 0, err
	}
	var free int64
	for _, node := range stats.Nodes {
		disk := node.FS.Total
		free += max(0, disk.Available-reserve(disk.Total))
	}
	return free, nil
}

// diskReserve gives how much of a disk of some size the engine wants left free.
func (c *Client) diskReserve(ctx context.Context) (func(total int64) int64, error) {
	const prefix = "cluster.routing.allocation.disk."
	var answer map[string]map[string]any
	query := url.Values{"include_defaults": {"true"}, "flat_settings": {"true"}}
	if err := c.do(ctx, http.MethodGet, "/_cluster/settings", query, nil, &answer); err != nil {
		return nil, err
	}
	setting := func(name string) string {
		for _, level := range []string{"transient", "persistent", "defaults"} {
			if v, ok := answer[level][prefix+name]; ok {
				return fmt.Sprint(v)
			}
		}
		return ""
	}
	if setting("threshold_enabled") == "false" {
		return func(int64) int64 { return 0 }, nil
	}
	return reserve(setting("watermark.high")), nil
}

// reserve understands a high watermark: a percentage or ratio of the disk used,
// or an amount left. One it does not understand reserves a tenth, the default.
func reserve(watermark string) func(total int64) int64 {
	used := 0.90
	if percent, ok := strings.CutSuffix(watermark, "%"); ok {
		if v, err := strconv.ParseFloat(percent, 64); err == nil {
			used = v / 100
		}
	} else if v, err := strconv.ParseFloat(watermark, 64); err == nil && v <= 1 {
		used = v
	} else if left, ok := parseBytes(watermark); ok {
		return func(int64) int64 { return left }
	}
	return func(total int64) int64 { return int64(float64(total) * (1 - used)) }
}

// parseBytes reads sizes such as 500mb, in the engine's binary units.
func parseBytes(s string) (int64, bool) {
	s = strings.ToLower(s)
	for shift, unit := range []string{"b", "kb", "mb", "gb", "tb", "pb"} {
		number, ok := strings.CutSuffix(s, unit)
		if v, err := strconv.ParseFloat(number, 64); ok && err == nil {
			return int64(v * float64(int64(1)<<(10*shift))), true
		}
	}
	return 0, false
}
