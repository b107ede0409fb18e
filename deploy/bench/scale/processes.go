package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// processes watches what a process and all below it use, by the names that the
// demo gives its servers, and by the program's name where it gives none. Linux only.
type processes struct {
	root int
	dir  string // of the demo: its pid files are in dir/run

	mu    sync.Mutex
	spent map[int]time.Duration // by pid, at the last look
	use   map[string]*usage
}

// usage of one server.
type usage struct {
	CPU time.Duration `json:"cpu"`
	// Memory is the most there was at one look, without what is shared.
	Memory int64 `json:"memory"`
}

func watch(root int, dir string) *processes {
	return &processes{root: root, dir: dir, spent: map[int]time.Duration{}, use: map[string]*usage{}}
}

// clockTick is the unit of the kernel's processor times, the same on all Linux.
const clockTick = 10 * time.Millisecond

type process struct {
	pid, parent int
	command     string
	spent       time.Duration
}

// look adds what has been used since the last look.
func (p *processes) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		if x, ok := readStat(file); ok {
			all[x.pid] = x
		}
	}
	names := p.names()
	memory := map[string]int64{}
	for pid, x := range all {
		name, ours := p.nameOf(x, all, names)
		if !ours {
			continue
		}
		memory[name] += anonymous(pid)
		u := p.use[name]
		if u == nil {
			u = &usage{}
			p.use[name] = u
		}
		u.CPU += max(0, x.spent-p.spent[pid])
		p.spent[pid] = x.spent
	}
	for name, bytes := range memory {
		p.use[name].Memory = max(p.use[name].Memory, bytes)
	}
}

// take gives what was used since the last take.
func (p *processes) take() map[string]*usage {
	p.look()
	p.mu.Lock()
	defer p.mu.Unlock()
	used := p.use
	p.use = map[string]*usage{}
	return used
}

// names are those of the pid files.
func (p *processes) names() map[int]string {
	names := map[int]string{}
	files, _ := filepath.Glob(filepath.Join(p.dir, "run", "*.pid"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if pid, perr := strconv.Atoi(strings.TrimSpace(string(content))); err == nil && perr == nil {
			names[pid] = strings.TrimSuffix(filepath.Base(file), ".pid")
		}
	}
	return names
}

func (p *processes) nameOf(x process, all map[int]process, names map[int]string) (name string, ours bool) {
	name = x.command
	for at := x; at.pid > 1; at = all[at.parent] {
		if given, ok := names[at.pid]; ok {
			name = given
		}
		if at.pid == p.root {
			return name, true
		}
	}
	return "", false
}

// readStat reads "pid (command) state parent ... utime stime ...".
func readStat(file string) (process, bool) {
	content, err := os.ReadFile(file)
	open, end := strings.IndexByte(string(content), '('), strings.LastIndexByte(string(content), ')')
	if err != nil || open < 0 || end < open {
		return process{}, false
	}
	rest := strings.Fields(string(content[end+1:]))
	if len(rest) < 13 {
		return process{}, false
	}
	number := func(s string) int {
		n, _ := strconv.Atoi(s)
		return n
	}
	return process{
		pid: number(strings.TrimSpace(string(content[:open]))), parent: number(rest[1]), command: string(content[open+1 : end]),
		spent: time.Duration(number(rest[11])+number(rest[12])) * clockTick,
	}, true
}

// anonymous is the memory of a process that no file stands behind.
func anonymous(pid int) int64 {
	content, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
