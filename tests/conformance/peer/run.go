package main

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

const (
	retryAfter     = 200 * time.Millisecond
	lostRetryAfter = time.Second
	mostTries      = 50
)

// run plays one script against one cluster. What it remembers is dropped when the last request was answered.
type run struct {
	l       *life
	script  *script
	lanes   int
	started time.Time
	onDone  func(started time.Time)

	mu       sync.Mutex
	over     bool
	unmet    []int
	done     []bool
	left     int
	anchors  map[string]time.Time
	waiting  map[string][]int
	wanted   map[string]bool
	objects  map[string]runtime.Object
	before   map[string]string
	names    map[int]string
	hashes   map[string]string
	account  string
	tries    map[int]int
	unsynced int
}

func newRun(l *life, s *script, lanes int, onDone func(time.Time)) *run {
	r := &run{
		l: l, script: s, lanes: lanes, onDone: onDone, started: time.Now(), left: s.requests, unsynced: len(s.firstWatches),
		unmet: make([]int, len(s.Steps)), done: make([]bool, len(s.Steps)), anchors: map[string]time.Time{}, waiting: map[string][]int{},
		wanted: map[string]bool{}, objects: map[string]runtime.Object{}, before: map[string]string{}, names: map[int]string{},
		hashes: map[string]string{}, tries: map[int]int{},
	}
	for _, path := range s.wanted {
		r.wanted[fill(path, r.own)] = true
	}
	for _, one := range s.Steps {
		r.unmet[one.ID] = len(one.After) + len(one.Needs) + 1
		for _, need := range append([]string{one.Anchor}, one.Needs...) {
			need = fill(need, r.own)
			r.waiting[need] = append(r.waiting[need], one.ID)
		}
	}
	return r
}

// signal says that something steps wait for is true; repeated calls do nothing. A nil run hears nothing.
func (r *run) signal(fact string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fact(fact)
}

func (r *run) fact(fact string) {
	if r.over {
		return
	}
	if _, known := r.anchors[fact]; known {
		return
	}
	r.anchors[fact] = time.Now()
	for _, number := range r.waiting[fact] {
		r.met(number)
	}
	delete(r.waiting, fact)
}

func (r *run) met(number int) {
	if r.unmet[number]--; r.unmet[number] > 0 {
		return
	}
	one := r.script.Steps[number]
	due := r.anchors[fill(one.Anchor, r.own)].Add(seconds(one.At))
	r.again(one, time.Until(due))
}

func (r *run) again(one *step, delay time.Duration) {
	time.AfterFunc(max(delay, 0), func() { r.send(one) })
}

func (r *run) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
}

func (r *run) forget() {
	r.over = true
	r.unmet, r.done, r.anchors, r.waiting, r.wanted, r.objects, r.before, r.names, r.hashes, r.tries = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
}

func (r *run) send(one *step) {
	if r.stopped() {
		return
	}
	if one.Watch {
		r.finishWatch(one)
		r.l.watch(r, one)
		return
	}
	path, query, headers, body, err := r.prepared(one)
	if err != nil {
		r.l.on.books.fail("script", fmt.Sprintf("%s %s: %v", one.Method, one.Path, err))
		r.finish(one)
		return
	}
	began := time.Now()
	status, answer, err := r.l.ask(r.l.lane(one.Conn+r.lanes), question{one.Method, path, query, headers, body, r.matters(one, path)})
	if r.stopped() {
		return
	}
	if err != nil {
		r.lost(one, err)
		return
	}
	r.l.on.books.took("request", began)
	r.answered(one, path, status, answer)
}

func (r *run) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over || r.l.ctx.Err() != nil
}

func (r *run) finish(one *step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished(one)
}

func (r *run) finishWatch(one *step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.done[one.ID] {
		return
	}
	r.done[one.ID] = true
	for _, number := range r.script.followers[one.ID] {
		r.met(number)
	}
}

func (r *run) finished(one *step) {
	if r.over || r.done[one.ID] {
		return
	}
	r.done[one.ID] = true
	for _, mark := range one.Marks {
		r.l.cause(mark)
	}
	for _, number := range r.script.followers[one.ID] {
		r.met(number)
	}
	if r.left--; r.left == 0 {
		r.forget()
		r.onDone(r.started)
	}
}

// remaining is how many requests are still to be answered, and the facts that steps wait for.
func (r *run) remaining() (int, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	facts := make([]string, 0, len(r.waiting))
	for fact := range r.waiting {
		facts = append(facts, fact)
	}
	return r.left, facts
}
