package main

import (
	"errors"
	"math"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// requestKey names a tunnelled request as an API server's metrics do; the generator's records have the same names.
type requestKey struct {
	Verb, Resource string
	Status         int
}

// tally sums requests of one kind; bytes are bodies as they were on the wire.
type tally struct {
	N        int64 `json:"n"`
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
}

// books is all that this process saw. Counters go up only; gauges say what is open now.
type books struct {
	mu        sync.Mutex
	requests  map[requestKey]*tally
	rest      map[string]int64
	errors    map[string]int64
	examples  map[string]string
	tunnels   map[string]int64
	unwritten map[string]int64
	retries   map[string]*retry
	events    map[string]*atomic.Int64

	created, active, imported, deleted atomic.Int64
	mainOpen, stvOpen                  atomic.Int64
	opened, connsOpen, connsClosed     atomic.Int64
	unheard, refused                   atomic.Int64
	handshakes, cancelledDials         atomic.Int64
	repeated                           atomic.Int64
	abandoned, upgradesUnheard         atomic.Int64
	pings, pongs                       atomic.Int64
	changes, changed, delivered, busy  atomic.Int64
	framesIn, framesOut                atomic.Int64
	watchesOpened, watchesOpen         atomic.Int64
	watchObjects                       atomic.Int64
	inFlight                           atomic.Int64
	wireIn, wireOut                    atomic.Int64
	tunnelIn, tunnelOut                atomic.Int64
	latencies                          map[string]*histogram
}

var latencyNames = []string{"ping", "readyz", "request", "watch_start", "tls_handshake", "synced", "import", "active", "resume", "retry_main", "retry_stv", "change", "delivery"}

func newBooks() *books {
	b := &books{
		requests: map[requestKey]*tally{}, rest: map[string]int64{}, errors: map[string]int64{}, examples: map[string]string{},
		tunnels: map[string]int64{}, unwritten: map[string]int64{}, retries: map[string]*retry{}, events: map[string]*atomic.Int64{}, latencies: map[string]*histogram{},
	}
	for _, name := range latencyNames {
		b.latencies[name] = &histogram{}
	}
	for _, kind := range eventKinds {
		b.events[kind] = &atomic.Int64{}
	}
	return b
}

func (b *books) request(key requestKey, in, out int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.requests[key]
	if known == nil {
		known = &tally{}
		b.requests[key] = known
	}
	known.N++
	known.BytesIn += in
	known.BytesOut += out
}

// lostRequest books a request without an answer. One that was sent has the status 0: the other side may have served it,
// so that its books may say up to so many more. One that was not sent is in nobody's requests.
func (b *books) lostRequest(verb, resource string, failed *lost) *lost {
	if failed.reach != unwritten {
		b.request(requestKey{verb, resource, 0}, 0, 0)
		return failed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unwritten[verb+" "+resource]++
	return failed
}

// excused books why there is no answer to a request that went with its tunnel; what was never sent is told apart, and
// what has its status already is not told again.
func (b *books) excused(cause string, err error) {
	var how *lost
	if !errors.As(err, &how) || how.reach == cutShort {
		return
	}
	if how.reach == unwritten {
		cause = "not sent: " + cause
	}
	b.tunnel(cause)
}

// failedHandshake books a TLS handshake that did not come about: refused when the other side could not dial, otherwise
// given up here.
func (b *books) failedHandshake(err error) {
	if strings.Contains(err.Error(), "refused") {
		b.refused.Add(1)
	} else {
		b.cancelledDials.Add(1)
	}
}

// wire is what both sides count in the same words, bytes by the generator's direction: bytes_out come from it. One side
// may have seen less of what was under way when a tunnel ended: *_unheard say of how many connections and websockets
// nothing ever came.
func (b *books) wire() map[string]int64 {
	events := int64(0)
	for kind, count := range b.events {
		if kind != "BOOKMARK" {
			events += count.Load()
		}
	}
	return map[string]int64{
		"connections_opened": b.opened.Load(), "connections_closed": b.connsClosed.Load(), "connections_refused": b.refused.Load(),
		"cancelled_dials": b.cancelledDials.Load(), "handshakes": b.handshakes.Load(), "events": events, "bookmarks": b.events["BOOKMARK"].Load(),
		"bytes_in": b.tunnelOut.Load(), "bytes_out": b.tunnelIn.Load(), "pings": b.pings.Load(), "pongs": b.pongs.Load(),
		"requests_repeated": b.repeated.Load(), "connections_unheard": b.unheard.Load(),
		"websockets_abandoned": b.abandoned.Load(), "websockets_unheard": b.upgradesUnheard.Load(),
	}
}

func (b *books) restCall(name string, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rest[name+" "+strconv.Itoa(status)]++
}

func (b *books) tunnel(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tunnels[what]++
}

// fail counts something that should not have happened; the first text of each kind is kept.
func (b *books) fail(kind, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errors[kind]++
	if _, ok := b.examples[kind]; !ok {
		if len(text) > 400 {
			text = text[:400]
		}
		b.examples[kind] = text
	}
}

func (b *books) took(name string, since time.Time) { b.latencies[name].add(time.Since(since)) }

// requestRow is one line of the requests in the document.
type requestRow struct {
	Verb     string `json:"verb"`
	Resource string `json:"resource"`
	Status   int    `json:"status"`
	tally
}

func (b *books) rows() []requestRow {
	rows := make([]requestRow, 0, len(b.requests))
	for key, one := range b.requests {
		rows = append(rows, requestRow{key.Verb, key.Resource, key.Status, *one})
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].N > rows[j].N })
	return rows
}

func copied[V any](from map[string]V) map[string]V {
	out := make(map[string]V, len(from))
	for key, value := range from {
		out[key] = value
	}
	return out
}

// document is the books as JSON.
func (b *books) document() map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	events, latencies := map[string]int64{}, map[string]any{}
	for kind, count := range b.events {
		events[kind] = count.Load()
	}
	for name, one := range b.latencies {
		latencies[name] = one.summary()
	}
	return map[string]any{
		"clusters": map[string]int64{"created": b.created.Load(), "active": b.active.Load(), "imported": b.imported.Load(), "deleted": b.deleted.Load()},
		"tunnels":  copied(b.tunnels), "tunnels_open": map[string]int64{"main": b.mainOpen.Load(), "stv": b.stvOpen.Load()},
		"connections": map[string]int64{"opened": b.opened.Load(), "open": b.connsOpen.Load(), "tls_handshakes": b.handshakes.Load()},
		"watches":     map[string]int64{"opened": b.watchesOpened.Load(), "open": b.watchesOpen.Load(), "objects": b.watchObjects.Load()},
		"events":      events, "requests": b.rows(), "in_flight": b.inFlight.Load(), "rest": copied(b.rest),
		"errors": copied(b.errors), "examples": copied(b.examples), "latencies_ms": latencies,
		"wire": b.wire(), "requests_unwritten": copied(b.unwritten),
		"retries": b.retried(), "churn": b.churned(),
		"bytes": map[string]int64{"sockets_in": b.wireIn.Load(), "sockets_out": b.wireOut.Load(),
			"frames_in": b.framesIn.Load(), "frames_out": b.framesOut.Load(), "connections_in": b.tunnelIn.Load(), "connections_out": b.tunnelOut.Load()},
	}
}

// histogram has eight buckets per doubling, from a microsecond up: 9 % wide each.
type histogram struct {
	buckets [320]atomic.Int64
	longest atomic.Int64
}

func (h *histogram) add(took time.Duration) {
	us := max(took.Microseconds(), 1)
	at := min(int(math.Log2(float64(us))*8), len(h.buckets)-1)
	h.buckets[at].Add(1)
	for {
		known := h.longest.Load()
		if us <= known || h.longest.CompareAndSwap(known, us) {
			return
		}
	}
}

// summary is counts by quantile; the sparse buckets (index to count) let several processes be added up.
func (h *histogram) summary() map[string]any {
	counts, total := map[string]int64{}, int64(0)
	for at := range h.buckets {
		if n := h.buckets[at].Load(); n > 0 {
			counts[strconv.Itoa(at)] = n
			total += n
		}
	}
	out := map[string]any{"n": total, "max": float64(h.longest.Load()) / 1000, "buckets": counts}
	for name, q := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99} {
		out[name] = h.quantile(q, total)
	}
	return out
}

func (h *histogram) quantile(q float64, total int64) float64 {
	wanted, seen := int64(math.Ceil(q*float64(total))), int64(0)
	for at := range h.buckets {
		if seen += h.buckets[at].Load(); seen >= wanted && seen > 0 {
			return math.Round(math.Exp2(float64(at+1)/8)) / 1000
		}
	}
	return 0
}
