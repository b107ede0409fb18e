package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"movies/internal/stack/artifact"
	"movies/internal/stack/supervisor"
)

// startRedis starts a cache: bounded, and not kept over restarts.
func (s *Stack) startRedis(ctx context.Context) error {
	programs, err := s.store.Fetch(ctx, artifact.Redis)
	if err != nil {
		return err
	}
	home := filepath.Join(s.data, "redis")
	if err := s.account.mkdir(home); err != nil {
		return err
	}
	ports, err := s.serve(ctx, []string{"redis"}, func(ports []int) (supervisor.Process, error) {
		return supervisor.Process{
			Name: "redis",
			Path: filepath.Join(programs, "redis-server"),
			Args: []string{
				"--port", strconv.Itoa(ports[0]), "--bind", "127.0.0.1", "--dir", home,
				"--save", "", "--appendonly", "no",
				"--maxmemory", "128mb", "--maxmemory-policy", "allkeys-lru",
			},
			Env:        s.environment(),
			Credential: s.account.credential,
			Ready:      func(ctx context.Context) error { return pingRedis(ctx, loopback(ports[0])) },
		}, nil
	})
	if err != nil {
		return err
	}
	s.RedisURL = "redis://" + loopback(ports[0]) + "/0"
	return nil
}

func pingRedis(ctx context.Context, address string) error {
	const pong = "+PONG\r\n"
	answer, err := ask(ctx, address, []byte("PING\r\n"), len(pong))
	if err != nil {
		return err
	}
	if string(answer) != pong {
		return fmt.Errorf("PING was answered with %q", answer)
	}
	return nil
}
