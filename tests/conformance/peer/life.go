package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	idleAfter      = 90 * time.Second
	answerLimit    = 45 * time.Second
	handshakeLimit = 10 * time.Second
	pingLimit      = 10 * time.Second
	cleanupLimit   = 30 * time.Second
	justLost       = 2 * time.Second
	attempts       = 3
	attemptGap     = 5 * time.Second
	probeLane      = -1
	deletionLanes  = 10_000
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
	config   *tls.Config
	lanes    map[int]*http.Transport
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
}

func (s *shared) begin(c *cluster) {
	l := &life{c: c, on: s, sessions: map[string]int{}, lostAt: map[string]time.Time{}, lanes: map[int]*http.Transport{}}
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

// --- tunnels ---

func (l *life) attached(tunnel string, params agentParams) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[tunnel]++
	if tunnel != "main" {
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
		if l.on.tunnels.awaitSession(l.c.id, handshakeLimit) {
			run.signal("start")
		} else {
			l.on.books.fail("session", "an upgrade that was admitted became no session")
		}
	}()
}

func (l *life) imported(started time.Time) {
	l.on.books.imported.Add(1)
	l.on.books.took("import", started)
	go l.dropLanes()
}

func (l *life) detached(tunnel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[tunnel]--
	l.lostAt[tunnel] = time.Now()
	if tunnel == "main" && l.sessions[tunnel] == 0 {
		l.cutAt = time.Now()
	}
}

// excused says whether what was just lost went with a tunnel: the agent was replaced by its next generation, or the
// websocket was cut. Then it is no error, and in the books as lost.
func (l *life) excused(tunnel string, err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if !l.lost(tunnel, err) {
		time.Sleep(justLost / 4) // a connection hears of its tunnel's end before we do
	}
	return l.lost(tunnel, err)
}

func (l *life) lost(tunnel string, err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(err.Error(), "tunnel disconnect") || l.sessions[tunnel] == 0 || time.Since(l.lostAt[tunnel]) < justLost || l.ctx.Err() != nil
}

func (l *life) has(tunnel string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[tunnel] > 0
}

// resumed is told of every watch that starts: when all twelve are back after a loss, that took so long.
func (l *life) resumed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resuming == 0 {
		return
	}
	if l.resuming--; l.resuming == 0 {
		l.on.books.took("resume", l.cutAt)
		l.cutAt = time.Time{}
	}
}

func (s *shared) tlsConfig(params agentParams) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(params.Address)
	if err != nil {
		return nil, err
	}
	s.tlsMu.Lock()
	defer s.tlsMu.Unlock()
	if known := s.tls[host+params.CACert]; known != nil {
		return known, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(params.CACert)) {
		return nil, fmt.Errorf("no certificate in the agent's caCert")
	}
	made := &tls.Config{RootCAs: pool, ServerName: host, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	s.tls[host+params.CACert] = made
	return made, nil
}

// lane is the transport of one recorded connection: its idle connections end after 90 seconds, as client-go's do.
func (l *life) lane(number int) *http.Transport {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.lanes[number]; known != nil {
		return known
	}
	made := &http.Transport{
		DialTLSContext: l.dial, TLSHandshakeTimeout: handshakeLimit, MaxIdleConnsPerHost: 25, IdleConnTimeout: idleAfter,
		TLSNextProto: noUpgrades, ReadBufferSize: 1 << 10,
	}
	if l.watched(number) {
		made.WriteBufferSize = 2 << 10 // nothing longer is ever written there; it is kept as long as the cluster
	}
	l.lanes[number] = made
	return made
}

var noUpgrades = map[string]func(string, *tls.Conn) http.RoundTripper{}

// watched says whether the lane stays for good: a watch has it, or the health probe.
func (l *life) watched(number int) bool {
	return number == probeLane || l.on.imports[l.c.path].watchLanes[number]
}

func (l *life) dial(ctx context.Context, _, address string) (net.Conn, error) {
	began := time.Now()
	raw, err := l.on.tunnels.dial(ctx, l.c.id, address)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	conn := tls.Client(raw, l.config)
	if err := conn.HandshakeContext(limited); err != nil {
		raw.Close()
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	l.on.books.handshakes.Add(1)
	l.on.books.took("tls_handshake", began)
	return conn, nil
}

// dropLanes forgets the import's connections: those that are idle close themselves when their time is over.
func (l *life) dropLanes() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number := range l.lanes {
		if !l.watched(number) {
			delete(l.lanes, number)
		}
	}
}

func (l *life) closeLanes() {
	l.mu.Lock()
	lanes := l.lanes
	l.lanes = map[int]*http.Transport{}
	l.mu.Unlock()
	for _, one := range lanes {
		one.CloseIdleConnections()
	}
}

// --- probes ---

func (l *life) pingTick() {
	if l.on.registry.isRemoved(l.c) {
		return
	}
	l.later(l.on.period, l.pingTick)
	if l.on.paused() {
		return
	}
	if !l.has("stv") {
		l.on.registry.set(l.c, condition{Type: "Connected", Status: "False"})
		if l.on.registry.status(l.c, "AgentDeployed") == "True" && l.on.registry.status(l.c, "Ready") == "True" {
			l.on.books.tunnel("stv missing at ping")
		}
		return
	}
	began := time.Now()
	if err := l.ping(); err != nil {
		if l.excused("stv", err) {
			l.on.books.tunnel("pings lost with their tunnel")
		} else {
			l.on.books.fail(kindOfLoss("ping", err), err.Error())
		}
		l.on.registry.set(l.c, condition{Type: "Connected", Status: "False"})
		return
	}
	l.on.books.took("ping", began)
	l.on.registry.set(l.c, condition{Type: "Connected", Status: "True"})
}

// ping asks over a fresh connection of the second tunnel, plain HTTP.
func (l *life) ping() error {
	l.on.books.inFlight.Add(1)
	defer l.on.books.inFlight.Add(-1)
	ctx, cancel := context.WithTimeout(l.ctx, pingLimit)
	defer cancel()
	conn, err := l.on.tunnels.dial(ctx, stvPrefix+l.c.id, "not-used:80")
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(pingLimit)) // with one for writes remotedialer keeps a goroutine until it is over
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: not-used\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		return err
	}
	reply, err := http.ReadResponse(bufio.NewReaderSize(conn, 1024), nil)
	if err != nil {
		return err
	}
	size, err := io.Copy(io.Discard, reply.Body)
	if err != nil {
		return err
	}
	l.on.books.request(requestKey{"get", "/ping", reply.StatusCode}, 0, size)
	if reply.StatusCode != 200 {
		return fmt.Errorf("status %d", reply.StatusCode)
	}
	return nil
}

func (l *life) healthTick() {
	if l.on.registry.isRemoved(l.c) {
		return
	}
	l.later(l.on.period, l.healthTick)
	if l.on.paused() || l.on.registry.status(l.c, "Provisioned") != "True" || l.on.registry.status(l.c, "Connected") == "False" {
		return
	}
	l.probe(1)
}

func (l *life) probe(attempt int) {
	began := time.Now()
	status, _, err := l.ask(l.lane(probeLane), "GET", "/readyz", "timeout=45s", map[string]string{
		"User-Agent": l.userAgent(), "Accept": "application/json, */*", "Authorization": "Bearer " + l.token(), "Accept-Encoding": "gzip"}, nil)
	if err == nil && status == 200 {
		l.on.books.took("readyz", began)
		l.on.registry.set(l.c, condition{Type: "Waiting", Status: "True"}, condition{Type: "Ready", Status: "True"})
		l.current().signal("ready")
		return
	}
	if err == nil {
		err = fmt.Errorf("status %d", status)
	}
	if l.excused("main", err) {
		l.on.books.tunnel("readyz lost with its tunnel")
	} else {
		l.on.books.fail("readyz", err.Error())
	}
	if attempt < attempts {
		l.later(attemptGap, func() { l.probe(attempt + 1) })
		return
	}
	l.on.registry.set(l.c, condition{Type: "Ready", Status: "False", Reason: "Error",
		Message: "cluster health check failed: Failed to communicate with API server during namespace check: " + err.Error()})
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

// --- deletion ---

func (s *shared) remove(c *cluster) {
	if !s.registry.removing(c) {
		return
	}
	l := c.life
	l.mu.Lock()
	if l.unwatch != nil {
		l.unwatch()
	}
	running := l.run
	tunnel := l.sessions["main"] > 0 && l.config != nil
	if tunnel {
		l.cleanup = newRun(l, s.deletion, deletionLanes, func(time.Time) { l.later(100*time.Millisecond, l.end) })
	}
	cleanup := l.cleanup
	l.mu.Unlock()
	if running != nil {
		running.stop()
	}
	l.closeLanes()
	if !tunnel {
		l.later(250*time.Millisecond, l.end)
		return
	}
	l.later(cleanupLimit, func() { s.books.fail("deletion", "the clean-up was not done in 30 s"); l.end() })
	for _, fact := range []string{"synced", "ready", "start"} {
		cleanup.signal(fact)
	}
}

func (l *life) end() {
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return
	}
	l.gone = true
	l.mu.Unlock()
	l.on.registry.forget(l.c)
	l.closeLanes()
	l.cancel()
}
