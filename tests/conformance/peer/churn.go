package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
)

const (
	churnLane  = -2
	churnTick  = 50 * time.Millisecond
	changedKey = "peer.invalid/changed-at" // unix time in ns of when the change was asked for
	changedAt  = "/api/v1/namespaces/default"
)

// churn changes objects of imported clusters at a rate: an annotation of the namespace "default", which one of the
// twelve watches sees. One change at a time per cluster.
type churn struct {
	on   *shared
	mu   sync.Mutex
	rate float64
	stop chan struct{}
}

// set takes the rate in changes per second over all clusters; 0 ends it.
func (c *churn) set(rate float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		close(c.stop)
		c.stop = nil
	}
	if c.rate = rate; rate > 0 {
		c.stop = make(chan struct{})
		go c.run(rate, c.stop)
	}
}

// run makes all changes that are due at each tick, from cluster to cluster.
func (c *churn) run(rate float64, stop chan struct{}) {
	ticks := time.NewTicker(churnTick)
	defer ticks.Stop()
	due, last, clusters := 0.0, time.Now(), []*cluster(nil)
	for {
		select {
		case <-stop:
			return
		case now := <-ticks.C:
			due += rate * now.Sub(last).Seconds()
			last = now
		}
		if c.on.paused() {
			due = 0
		}
		for ; due >= 1; due-- {
			if len(clusters) == 0 {
				if clusters = c.on.settled(); len(clusters) == 0 {
					due = 0
					break
				}
			}
			go clusters[0].life.change()
			clusters = clusters[1:]
		}
	}
}

// settled are the clusters whose imports are through and that nobody deletes.
func (s *shared) settled() []*cluster {
	out := []*cluster{}
	for _, c := range s.registry.all() {
		if c.life != nil && c.life.settled.Load() && !s.registry.isRemoved(c) {
			out = append(out, c)
		}
	}
	return out
}

// change asks for one change and books its answer; its event is booked by deliver.
func (l *life) change() {
	if !l.has("main") {
		return
	}
	if !l.changing.CompareAndSwap(false, true) {
		l.on.books.busy.Add(1)
		return
	}
	defer l.changing.Store(false)
	began := time.Now()
	l.on.books.changes.Add(1)
	status, _, err := l.ask(l.lane(churnLane), question{"PATCH", changedAt, "", map[string]string{
		"User-Agent": l.userAgent(), "Accept": "application/vnd.kubernetes.protobuf,application/json", "Authorization": "Bearer " + l.token(),
		"Content-Type": "application/merge-patch+json"},
		fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"%d"}}}`, changedKey, began.UnixNano()), false})
	switch {
	case err == nil && status == http.StatusOK:
		l.on.books.changed.Add(1)
		l.on.books.took("change", began)
	case err == nil:
		l.on.books.fail("change", fmt.Sprintf("status %d", status))
	case l.excused("main", err):
		l.on.books.excused("requests lost with their tunnel", err)
	default:
		l.on.books.unexcused("change", err, err.Error())
	}
}

// deliver books a change's event: how long after it was asked for the watcher had it. Events that a new watch
// repeats are no deliveries; they come as additions.
func (b *books) deliver(obj any) {
	accessor, err := meta.Accessor(obj)
	if err != nil {
		return
	}
	if at, err := strconv.ParseInt(accessor.GetAnnotations()[changedKey], 10, 64); err == nil {
		b.delivered.Add(1)
		b.took("delivery", time.Unix(0, at))
	}
}

func (b *books) churned() map[string]int64 {
	return map[string]int64{"asked": b.changes.Load(), "answered": b.changed.Load(), "delivered": b.delivered.Load(), "skipped": b.busy.Load()}
}
