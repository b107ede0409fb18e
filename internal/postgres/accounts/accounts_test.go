package accounts_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"movies/internal/auth"
	"movies/internal/auth/identity"
	"movies/internal/movie"
	"movies/internal/postgres/accounts"
	"movies/internal/stack/stacktest"
)

func newStore(t *testing.T) *accounts.Store {
	t.Helper()
	s, err := accounts.New(stacktest.PostgresMigrated(t, "accounts", func(ctx context.Context, url string) error {
		s, err := accounts.New(url)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Migrate(ctx)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func hash(s string) auth.Hash { return sha256.Sum256([]byte(s)) }

var now = time.Now().Truncate(time.Microsecond)

func bounds(at time.Time) auth.Bounds {
	return auth.Bounds{Now: at, Idle: 30 * time.Minute, Grace: 20 * time.Second}
}

func create(t *testing.T, s *accounts.Store, id, subject string) {
	t.Helper()
	err := s.CreateSession(t.Context(), auth.Session{ID: id, Subject: subject, Roles: []string{"user"}, ProviderSession: "p-" + id,
		Created: now, Used: now, Expires: now.Add(12 * time.Hour)}, hash(id))
	if err != nil {
		t.Fatal(err)
	}
}

// atOnce runs f so many times at one moment and counts successes.
func atOnce(n int, f func(i int) bool) int {
	var yes atomic.Int32
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if f(i) {
				yes.Add(1)
			}
		})
	}
	all.Wait()
	return int(yes.Load())
}

func TestALoginIsTakenOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if err := s.SaveLogin(t.Context(), auth.Login{State: hash("s"), Browser: hash("b"), Nonce: "n", Verifier: "v", ReturnTo: "/", Expires: now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if n := atOnce(8, func(int) bool {
		l, err := s.TakeLogin(t.Context(), hash("s"), now)
		if err != nil && !errors.Is(err, movie.ErrNotFound) {
			t.Error(err)
		}
		return err == nil && l.Browser == hash("b") && l.Nonce == "n"
	}); n != 1 {
		t.Errorf("taken %d times", n)
	}
}

func TestASecretIsReplacedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	create(t, s, "a", "u")
	var spentNow atomic.Int32
	n := atOnce(8, func(i int) bool {
		_, err := s.RotateSession(t.Context(), hash("a"), hash(strings.Repeat("x", i+1)), bounds(now))
		if errors.Is(err, auth.ErrSpentNow) {
			spentNow.Add(1)
		} else if err != nil {
			t.Error(err)
		}
		return err == nil
	})
	if n != 1 || spentNow.Load() != 7 {
		t.Errorf("replaced %d times, refused %d times", n, spentNow.Load())
	}
	if _, err := s.RotateSession(t.Context(), hash("a"), hash("y"), bounds(now.Add(time.Minute))); !errors.Is(err, auth.ErrReused) {
		t.Errorf("later: %v", err)
	}
	if list, err := s.ListSessions(t.Context(), "u", bounds(now)); err != nil || len(list) != 0 {
		t.Errorf("the session lives on: %v, %v", list, err)
	}
}

func TestOneKeyIsAddedByManyProcesses(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for round, newest := range []time.Time{{}, now} {
		at := now.Add(time.Duration(round) * time.Hour)
		atOnce(8, func(i int) bool {
			err := s.AddKey(t.Context(), auth.SealedKey{ID: at.String() + string(rune('a'+i)), Created: at, Sealed: []byte("x")}, newest)
			if err != nil {
				t.Error(err)
			}
			return err == nil
		})
		keys, err := s.Keys(t.Context())
		if err != nil || len(keys) != round+1 || !keys[round].Created.Equal(at) {
			t.Errorf("round %d: %v, %v", round, keys, err)
		}
	}
}

func TestWhichSessionsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		which auth.Which
		left  int
	}{
		"none":                 {auth.Which{}, 3},
		"none, by time only":   {auth.Which{Before: now.Add(time.Hour)}, 3},
		"one":                  {auth.Which{ID: "a", Subject: "u"}, 2},
		"one of another":       {auth.Which{ID: "a", Subject: "v"}, 3},
		"all of one":           {auth.Which{Subject: "u"}, 1},
		"by provider":          {auth.Which{ProviderSession: "p-a"}, 2},
		"by provider and user": {auth.Which{ProviderSession: "p-a", Subject: "v"}, 3},
		"before they began":    {auth.Which{Subject: "u", Before: now.Add(-time.Second)}, 3},
		"after they began":     {auth.Which{Subject: "u", Before: now.Add(time.Second)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			create(t, s, "a", "u")
			create(t, s, "b", "u")
			create(t, s, "c", "v")
			ended, err := s.EndSessions(t.Context(), c.which, now)
			if err != nil || ended != 3-c.left {
				t.Errorf("ended %d, %v; want %d left", ended, err, c.left)
			}
			told, err := s.Revocations(t.Context())
			if err != nil || len(told) != ended {
				t.Errorf("told of %v, %v; want the %d that ended", told, err, ended)
			}
		})
	}
}

func TestEndedSessionsAreToldUntilItIsOfNoUse(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, id := range []string{"a", "b", "c"} {
		create(t, s, id, "u")
	}
	waiting := func() (ids []string) {
		t.Helper()
		told, err := s.Revocations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range told {
			if !r.At.Equal(now) && !r.At.Equal(now.Add(time.Minute)) {
				t.Errorf("session %s ended at %v", r.Session, r.At)
			}
			ids = append(ids, r.Session)
		}
		return ids
	}
	for _, id := range []string{"a", "b"} {
		if _, err := s.EndSessions(t.Context(), auth.Which{ID: id}, now); err != nil {
			t.Fatal(err)
		}
	}
	// One that is stolen is told too.
	for _, at := range []time.Time{now, now.Add(time.Minute)} {
		if _, err := s.RotateSession(t.Context(), hash("c"), hash("c2"), bounds(at)); err != nil && !errors.Is(err, auth.ErrReused) {
			t.Fatal(err)
		}
	}
	if got := waiting(); len(got) != 3 {
		t.Errorf("waiting: %v", got)
	}
	if err := s.ForgetRevocations(t.Context(), []identity.Revocation{{Session: "a"}}); err != nil {
		t.Fatal(err)
	}
	if got := waiting(); len(got) != 2 || got[0] != "b" {
		t.Errorf("after a is told: %v", got)
	}
	if err := s.Sweep(t.Context(), bounds(now.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	if got := waiting(); len(got) != 0 {
		t.Errorf("when their tokens have expired: %v", got)
	}
}

func TestAPersonHasSoManySessions(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	create(t, s, "other", "v")
	for i := range auth.MaxSessions + 2 {
		at := now.Add(time.Duration(i) * time.Second)
		err := s.CreateSession(t.Context(), auth.Session{ID: fmt.Sprint("s", i), Subject: "u", Roles: []string{}, Created: at, Used: at,
			Expires: now.Add(time.Hour)}, hash(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.ListSessions(t.Context(), "u", bounds(now))
	if err != nil || len(list) != auth.MaxSessions || list[len(list)-1].ID != "s2" {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	if told, err := s.Revocations(t.Context()); err != nil || len(told) != 2 {
		t.Errorf("told of %v, %v", told, err)
	}
	if list, err := s.ListSessions(t.Context(), "v", bounds(now)); err != nil || len(list) != 1 {
		t.Errorf("another person: %v, %v", list, err)
	}
}

func TestSweepRemovesWhatExpired(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	create(t, s, "a", "u")
	if err := s.SaveLogin(t.Context(), auth.Login{State: hash("s"), Expires: now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	for after, live := range map[time.Duration]bool{time.Second: true, time.Hour: false} {
		if _, err := s.FindSession(t.Context(), hash("a"), bounds(now.Add(after))); (err == nil) != live {
			t.Errorf("after %v: %v", after, err)
		}
	}
	if err := s.Sweep(t.Context(), bounds(now.Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindSession(t.Context(), hash("a"), bounds(now)); err != nil {
		t.Errorf("a live session was swept: %v", err)
	}
	if err := s.Sweep(t.Context(), bounds(now.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindSession(t.Context(), hash("a"), bounds(now)); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("an idle session was not swept: %v", err)
	}
	if _, err := s.TakeLogin(t.Context(), hash("s"), now); !errors.Is(err, movie.ErrNotFound) {
		t.Errorf("an expired login was not swept: %v", err)
	}
}

func TestMigratorsWaitForEachOther(t *testing.T) {
	t.Parallel()
	url := stacktest.Postgres(t)
	if n := atOnce(4, func(int) bool {
		s, err := accounts.New(url)
		if err != nil {
			t.Error(err)
			return false
		}
		defer s.Close()
		if err := s.Migrate(t.Context()); err != nil {
			t.Error(err)
			return false
		}
		return true
	}); n != 4 {
		t.Errorf("%d of 4 migrated", n)
	}
}

func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	s, err := accounts.New("postgres://u:hunter2@127.0.0.1:1/auth")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, err := range map[string]error{
		"migrate": s.Migrate(t.Context()), "save": s.SaveLogin(t.Context(), auth.Login{}), "sweep": s.Sweep(t.Context(), bounds(now)),
	} {
		if !errors.Is(err, movie.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := accounts.New("localhost"); err == nil || !strings.Contains(err.Error(), "AUTH_DATABASE_URL") {
		t.Errorf("a bad url: %v", err)
	}
}
