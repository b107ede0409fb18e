//go:build acceptance

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// newcomer uses the demo as README.md tells a person to: from make demo to
// Ctrl-C, with nothing but what is printed and the env file.
type newcomer struct {
	t       *testing.T
	dir     string
	catalog string // DEMO_CATALOG; empty for the sample
	out     bytes.Buffer
	cmd     *exec.Cmd
	done    chan error
	env     map[string]string
}

// bound of everything that is waited for on a machine that may be busy.
const patience = 10 * time.Minute

// fresh is the contract's bound from a commit to the first question that finds it.
const fresh = 2 * time.Second

// secondStart is the bound of a start that finds everything fetched and loaded.
const secondStart = 40 * time.Second

func TestDemoAsANewcomerUsesIt(t *testing.T) {
	n := &newcomer{t: t, dir: t.TempDir()}
	t.Logf("first start: ready after %.1f s", n.start().Seconds())
	n.curlLinesWork()
	n.rawSQLReachesSearch()
	n.editorsFindTheirWrites()
	n.killedProcessesComeBack()
	n.stop()
	again := n.start()
	t.Logf("second start: ready after %.1f s", again.Seconds())
	if again > secondStart {
		t.Errorf("the second start took %s, the bound is %s", again, secondStart)
	}
	other := secondDemo(t)
	other.start()
	if total := other.total("/v1/movies"); total != 0 {
		t.Errorf("%d movies in the demo of an empty catalogue", total)
	}
	if total := n.total("/v1/movies"); total < 1_000 {
		t.Errorf("%d movies after the second start, the sample has more than 1,000", total)
	}
	other.stop()
	n.stop()
}

// secondDemo is one without movies, to run beside the first.
func secondDemo(t *testing.T) *newcomer {
	t.Helper()
	empty := filepath.Join(t.TempDir(), "empty.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return &newcomer{t: t, dir: t.TempDir(), catalog: empty}
}

// start runs make demo and waits for the env file.
func (n *newcomer) start() time.Duration {
	n.t.Helper()
	began := time.Now()
	n.out.Reset()
	n.cmd = exec.Command("make", "-C", filepath.Join("..", ".."), "demo")
	n.cmd.Env = append(os.Environ(), "DEMO_DIR="+n.dir, "DEMO_HTTP_ADDR=127.0.0.1:0", "DEMO_CATALOG="+n.catalog, "RATE_LIMIT=off")
	n.cmd.Stdout, n.cmd.Stderr = &n.out, &n.out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.done = make(chan error, 1)
	go func() { n.done <- n.cmd.Wait() }()
	n.t.Cleanup(func() { _ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL) }) // gone already when all is well
	n.await("the env file", patience, func() error {
		select {
		case err := <-n.done:
			n.t.Fatalf("the demo ended: %v\n%s", err, n.out.String())
		default:
		}
		_, err := os.Stat(envFile(n.dir))
		return err
	})
	took := time.Since(began)
	n.readEnv()
	return took
}

func (n *newcomer) readEnv() {
	n.t.Helper()
	f, err := os.Open(envFile(n.dir))
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	n.env = map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			n.t.Errorf("env file: %q is not KEY=value", lines.Text())
		}
		n.env[name] = value
	}
	for _, name := range []string{"API_URL", "DATABASE_URL", "SEARCH_URL", "KAFKA_BROKERS", "DEMO_USER_TOKEN", "DEMO_EDITOR_TOKEN"} {
		if n.env[name] == "" {
			n.t.Errorf("env file: %s is missing", name)
		}
	}
}

// stop is Ctrl-C: to the demo itself, for a terminal sends it to the whole group.
func (n *newcomer) stop() {
	n.t.Helper()
	if err := syscall.Kill(-n.cmd.Process.Pid, syscall.SIGINT); err != nil {
		n.t.Fatal(err)
	}
	select {
	case err := <-n.done:
		if err == nil {
			break
		}
		n.t.Logf("make ended with %v: it is interrupted too", err)
	case <-time.After(time.Minute):
		n.t.Fatalf("still running a minute after Ctrl-C\n%s", n.out.String())
	}
	if _, err := os.Stat(envFile(n.dir)); !os.IsNotExist(err) {
		n.t.Errorf("the env file after the stop: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(n.dir, "run", "*.pid")); err != nil || len(left) > 0 {
		n.t.Errorf("pid files after the stop: %v, %v", left, err)
	}
}

var curlLine = regexp.MustCompile(`(?m)^\s*(?:\$ )?(curl .*)$`)

// curlLinesWork pastes every curl line of the summary and of README.md.
func (n *newcomer) curlLinesWork() {
	n.t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		n.t.Fatal(err)
	}
	lines := curlLine.FindAllStringSubmatch(n.out.String()+"\n"+string(readme), -1)
	if len(lines) < 6 {
		n.t.Errorf("only %d curl lines found", len(lines))
	}
	for _, line := range lines {
		command := strings.ReplaceAll(line[1], "http://127.0.0.1:8080", n.env["API_URL"])
		shell := exec.Command("sh", "-c", "set -a; . "+envFile(n.dir)+"; "+strings.Replace(command, "curl ", "curl -fsS ", 1))
		if out, err := shell.CombinedOutput(); err != nil || len(out) == 0 {
			n.t.Errorf("%s: %v\n%.300s", command, err, out)
		}
	}
}

// rawSQLReachesSearch changes rows as somebody in psql would, and asks the API
// each time a question that was not asked before.
func (n *newcomer) rawSQLReachesSearch() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, n.env["DATABASE_URL"])
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = db.Close(ctx) }()
	sql := func(statement string) {
		n.t.Helper()
		if _, err := db.Exec(ctx, statement); err != nil {
			n.t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, step := range []struct{ what, sql, ask, want string }{
		{"an insert", `INSERT INTO movies (id, title, year) VALUES (9900001, 'Quokka Island Zephyr', 2024)`, "/v1/movies?q=quokka+island+zephyr", `"id":9900001`},
		{"an update", `UPDATE movies SET title = 'Wombat Harbour Zephyr' WHERE id = 9900001`, "/v1/movies?q=wombat+harbour+zephyr", `"id":9900001`},
		{"a credit", `WITH p AS (INSERT INTO people (id, name) VALUES (9900001, 'Zenobia Quill') RETURNING id) INSERT INTO credits (movie_id, person_id) SELECT 9900001, id FROM p`, "/v1/movies?person=Zenobia+Quill", `"id":9900001`},
		{"a renamed person", `UPDATE people SET name = 'Zenobia Quillfeather' WHERE id = 9900001`, "/v1/movies?person=Zenobia+Quillfeather", `"id":9900001`},
		{"an aka", `INSERT INTO akas (movie_id, title) VALUES (9900001, 'Vombatus Portus')`, "/v1/movies?q=vombatus+portus", `"id":9900001`},
		{"a delete", `DELETE FROM movies WHERE id = 9900001`, "/v1/movies?q=vombatus", `"items":[]`},
		{"the deleted id", `SELECT 1`, "/v1/movies?ids=9900001", `"items":[]`},
	} {
		sql(step.sql)
		committed := time.Now()
		limit := 0
		n.await(step.what, patience, func() error {
			limit = limit%100 + 1 // makes another question of it, which no cache answers
			return n.shows(fmt.Sprintf("%s&limit=%d", step.ask, limit), step.want)
		})
		took := time.Since(committed)
		n.t.Logf("%s is found %d ms after its commit", step.what, took.Milliseconds())
		if took > fresh {
			n.t.Errorf("%s took %s to be found, the bound is %s", step.what, took, fresh)
		}
	}
}

// killedProcessesComeBack ends processes the hard way; a change made meanwhile
// is found afterwards.
func (n *newcomer) killedProcessesComeBack() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, n.env["DATABASE_URL"])
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = db.Close(ctx) }()
	for i, name := range []string{"relay", "indexer", "api", "kafka"} {
		before := n.pid(name)
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			n.t.Fatalf("kill %s: %v", name, err)
		}
		id := 9900100 + i
		if _, err := db.Exec(ctx, `INSERT INTO movies (id, title) VALUES ($1, $2)`, id, "Numbat Ledger "+name); err != nil {
			n.t.Fatal(err)
		}
		n.await(name+" to come back", patience, func() error {
			if n.pid(name) == before {
				return fmt.Errorf("pid is still %d", before)
			}
			return n.shows("/v1/movies?q=numbat+ledger+"+name, fmt.Sprintf(`"id":%d`, id))
		})
	}
}

func (n *newcomer) pid(name string) int {
	b, err := os.ReadFile(filepath.Join(n.dir, "run", name+".pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

func (n *newcomer) get(path string) ([]byte, error) {
	res, err := http.Get(n.env["API_URL"] + path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.200s", path, res.Status, body)
	}
	return body, err
}

func (n *newcomer) shows(path, want string) error {
	body, err := n.get(path)
	if err == nil && !bytes.Contains(body, []byte(want)) {
		err = fmt.Errorf("%s has no %s: %.200s", path, want, body)
	}
	return err
}

func (n *newcomer) total(path string) int64 {
	n.t.Helper()
	body, err := n.get(path)
	if err != nil {
		n.t.Fatal(err)
	}
	var page struct{ Total struct{ Value int64 } }
	if err := json.Unmarshal(body, &page); err != nil {
		n.t.Fatal(err)
	}
	return page.Total.Value
}

// await polls until check is content.
func (n *newcomer) await(what string, limit time.Duration, check func() error) {
	n.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("waited %s for %s: %v\n%s", limit, what, err, n.out.String())
		}
		select {
		case <-n.t.Context().Done():
			n.t.Fatal(n.t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
