package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// run runs a program to its end, as the servers' account, with the given input.
// Its error holds what the program said.
func (s *Stack) run(ctx context.Context, input, path string, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = s.temp()
	cmd.Env = s.environment()
	cmd.Stdin = strings.NewReader(input)
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account.credential}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(path), err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}

// ask sends one message over a new connection and reads an answer of n bytes.
func ask(ctx context.Context, address string, message []byte, n int) (_ []byte, err error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, connection.Close()) }()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := connection.Write(message); err != nil {
		return nil, err
	}
	answer := make([]byte, n)
	_, err = io.ReadFull(connection, answer)
	return answer, err
}
