package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"movies/deploy/bench/load"
)

const header = "date\tmachine\tmovies\tload\tmovies/s\tPostgres\tload keeps busy\tindex\tmovies/s\tindex size\tindex keeps busy\tmemory Postgres, search\tanswers/s\tp50\tp99\tshed\tfailed\n"

// tell prints the line of the table and keeps it.
func (b *bench) tell(ctx context.Context, report *load.Report, env map[string]string) error {
	indexed, err := indexBytes(ctx, env["SEARCH_URL"])
	if err != nil {
		return err
	}
	sum := report.Sum()
	percent := func(n int64) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(sum.Total(), 1))) }
	line := strings.Join([]string{
		time.Now().Format(time.DateOnly), fmt.Sprintf("%d cores", runtime.NumCPU()), strconv.FormatInt(b.Movies, 10),
		b.took("load"), b.rate("load"), gigabytes(b.databaseBytes()), b.stages["load"].busy(), b.took("index"), b.rate("index"), gigabytes(indexed), b.stages["index"].busy(),
		gigabytes(b.stages.memory("postgres")) + ", " + gigabytes(b.stages.memory("opensearch")),
		fmt.Sprintf("%.0f", report.PerSecond()), sum.Quantile(.5).String(), sum.Quantile(.99).String(), percent(sum.Shed), percent(sum.Failed),
	}, "\t") + "\n"
	fmt.Fprint(b.out, header, line)
	if err := os.MkdirAll(filepath.Dir(b.Results), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(b.Results, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && info.Size() == 0 {
		line = header + line
	}
	_, err = f.WriteString(line)
	return errors.Join(err, f.Close())
}

func (b *bench) took(name string) string {
	if x := b.stages[name]; x != nil {
		return x.Took.Round(time.Second).String()
	}
	return "-"
}

func (b *bench) rate(name string) string {
	if x := b.stages[name]; x != nil {
		return fmt.Sprintf("%.0f", float64(b.Movies)/max(x.Took.Seconds(), 1))
	}
	return "-"
}

func gigabytes(n int64) string { return fmt.Sprintf("%.2f GB", float64(n)/1e9) }

// databaseBytes is the size of the folder of Postgres' tables.
func (b *bench) databaseBytes() (total int64) {
	content, _ := os.ReadFile(filepath.Join(b.dir, "run", "postgres.pid"))
	command, _ := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(content)), "cmdline"))
	_, after, _ := strings.Cut(string(command), "\x00-D\x00")
	folder, _, _ := strings.Cut(after, "\x00")
	_ = filepath.WalkDir(filepath.Join(folder, "base"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}

// indexBytes is the size of the index that answers.
func indexBytes(ctx context.Context, address string) (int64, error) {
	target, err := url.JoinPath(address, "movies", "_stats", "store")
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		All struct {
			Primaries struct {
				Store struct {
					Size int64 `json:"size_in_bytes"`
				} `json:"store"`
			} `json:"primaries"`
		} `json:"_all"`
	}
	return answer.All.Primaries.Store.Size, json.NewDecoder(res.Body).Decode(&answer)
}
