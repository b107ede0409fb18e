package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// stage is what one part of the way cost, all runs of it together.
type stage struct {
	Took time.Duration     `json:"took"`
	Use  map[string]*usage `json:"use"`
}

// stages is kept in a file, so that a run that was stopped counts what the runs
// before it cost.
type stages map[string]*stage

func loadStages(file string) (stages, error) {
	s := stages{}
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	return s, err
}

func (s stages) save(file string) error {
	content, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (s stages) add(name string, took time.Duration, used map[string]*usage) {
	x := s[name]
	if x == nil {
		x = &stage{Use: map[string]*usage{}}
		s[name] = x
	}
	x.Took += took
	for process, u := range used {
		sum := x.Use[process]
		if sum == nil {
			sum = &usage{}
			x.Use[process] = sum
		}
		sum.CPU += u.CPU
		sum.Memory = max(sum.Memory, u.Memory)
	}
}

// busy is how many processors the busiest servers kept busy.
func (x *stage) busy() string {
	if x == nil {
		return "-"
	}
	names := slices.SortedFunc(maps.Keys(x.Use), func(a, b string) int { return int(x.Use[b].CPU - x.Use[a].CPU) })
	var parts []string
	for _, name := range names[:min(3, len(names))] {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, x.Use[name].CPU.Seconds()/max(x.Took.Seconds(), 1)))
	}
	return strings.Join(parts, ", ")
}

// memory is what the named servers used at most.
func (s stages) memory(process string) (most int64) {
	for _, x := range s {
		if u := x.Use[process]; u != nil {
			most = max(most, u.Memory)
		}
	}
	return most
}
