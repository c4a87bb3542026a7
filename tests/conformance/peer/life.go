package main

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	sessionLimit  = 10 * time.Second
	pingLimit     = 10 * time.Second
	cleanupLimit  = 30 * time.Second
	justLost      = 2 * time.Second
	attempts      = 3
	attemptGap    = 5 * time.Second
	probeLane     = -1
	deletionLanes = 10_000
)

// shared is what all clusters have in common.
type shared struct {
	registry *registry
	tunnels  *tunnels
	books    *books
	url      string
	caPEM    string
	imports  map[string]*script
	changes  map[string][]change
	deletion *script
	period   time.Duration
	paused   func() bool
	hurry    bool
	tlsMu    sync.Mutex
	tls      map[string]*tls.Config
}

// life is what Rancher does with one cluster: sessions, the script, watches, probes, deletion.
type life struct {
	c  *cluster
	on *shared

	mu       sync.Mutex
	params   agentParams
	sessions map[string]int
	cut      map[string]time.Time
	config   *tls.Config
	lanes    map[int]*lane
	run      *run
	cleanup  *run
	gone     bool
	ctx      context.Context
	cancel   context.CancelFunc
	watches  context.Context
	unwatch  context.CancelFunc
	cutAt    time.Time
	lostAt   map[string]time.Time
	resuming int

	settled, changing atomic.Bool
}

func (s *shared) begin(c *cluster) {
	l := &life{c: c, on: s, sessions: map[string]int{}, lostAt: map[string]time.Time{}, cut: map[string]time.Time{}, lanes: map[int]*lane{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	c.life = l
	l.cause("created")
	l.later(seconds(rand.Float64()*s.period.Seconds()), l.pingTick)
}

func (l *life) later(delay time.Duration, do func()) {
	time.AfterFunc(delay, func() {
		if l.ctx.Err() == nil {
			do()
		}
	})
}

// cause makes the recorded changes of conditions that follow something, each after its delay.
func (l *life) cause(what string) {
	due := map[time.Duration][]condition{}
	for _, one := range l.on.changes[l.c.path] {
		if one.cause == what {
			due[one.delay] = append(due[one.delay], one.condition)
		}
	}
	for delay, list := range due {
		l.later(delay, func() { l.on.registry.set(l.c, list...) })
	}
}

func (l *life) attached(one *websocketOf, params agentParams) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[one.tunnel]++
	if cut := l.cut[one.tunnel]; !cut.IsZero() {
		l.on.books.returned(one.tunnel, one.dialled.Sub(cut))
		delete(l.cut, one.tunnel)
	}
	if one.tunnel != "main" {
		return
	}
	if l.params.Token != "" && l.params != params {
		l.on.books.fail("params changed", l.c.id)
	}
	l.params = params
	if !l.cutAt.IsZero() {
		l.resuming = 12
	}
	if l.run == nil && l.cleanup == nil && l.ctx.Err() == nil {
		l.start()
	}
}

// start begins the cluster's controllers; the lock is held.
func (l *life) start() {
	config, err := l.on.tlsConfig(l.params)
	if err != nil {
		l.on.books.fail("caCert", err.Error())
		return
	}
	l.config = config
	l.watches, l.unwatch = context.WithCancel(l.ctx)
	l.run = newRun(l, l.on.imports[l.c.path], 0, l.imported)
	l.on.registry.mu.Lock()
	l.c.fields["driver"], l.c.fields["apiEndpoint"] = "imported", "https://"+l.params.Address
	l.on.registry.mu.Unlock()
	l.cause("tunnel")
	l.later(l.on.period, l.healthTick)
	run := l.run
	go func() {
		if l.on.tunnels.awaitSession(l.c.id, sessionLimit) {
			run.signal("start")
		} else {
			l.on.books.fail("session", "an upgrade that was admitted became no session")
		}
	}()
}

func (l *life) imported(started time.Time) {
	l.on.books.imported.Add(1)
	l.on.books.took("import", started)
	l.settled.Store(true)
	go l.dropLanes()
}

func (l *life) current() *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.run
}

func (l *life) token() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.params.Token
}

func (l *life) userAgent() string {
	return "rancher/v0.0.0 (linux/amd64) kubernetes/$Format cluster " + l.c.id
}
