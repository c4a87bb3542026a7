package main

import (
	"net"
	"time"
)

// The agent's law: its main tunnel dials again 10 s after the end (remotedialer's ClientConnect sleeps 5 s, the agent's
// loop 5 more), the second after 5 s (steve's aggregation), without jitter, for ever.
var retryLaw = map[string]time.Duration{"main": 10 * time.Second, "stv": 5 * time.Second}

const (
	earlyBy = 50 * time.Millisecond // clocks of two processes on one machine; the end is seen here a little later than there
	lateBy  = 2 * time.Second
)

// storm cuts all websockets of a share of the clusters at once, without a word to the other side; how many websockets.
func (t *tunnels) storm(share float64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := map[*life][]*websocketOf{}
	for one := range t.open {
		of[one.life] = append(of[one.life], one)
	}
	cut, left, now := 0, int(share*float64(len(of))+0.5), time.Now()
	for _, all := range of {
		if left--; left < 0 {
			break
		}
		for _, one := range all {
			cut++
			one.cut = now
			conn := one.conn
			if inner, ok := conn.(interface{ NetConn() net.Conn }); ok {
				conn = inner.NetConn()
			}
			go conn.Close()
		}
	}
	return cut
}

// retry sums how a tunnel's agents came back after storms.
type retry struct {
	N     int64   `json:"n"`
	Early int64   `json:"too_early"`
	Late  int64   `json:"too_late"`
	LawS  float64 `json:"law_s"`
}

// returned books how long after its cut a cluster's tunnel was dialled again.
func (b *books) returned(tunnel string, took time.Duration) {
	b.latencies["retry_"+tunnel].add(took)
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.retries[tunnel]
	if known == nil {
		known = &retry{LawS: retryLaw[tunnel].Seconds()}
		b.retries[tunnel] = known
	}
	known.N++
	switch law := retryLaw[tunnel]; {
	case took < law-earlyBy:
		known.Early++
		b.tunnels[tunnel+" dialled again too early"]++
	case took > law+lateBy:
		known.Late++
		b.tunnels[tunnel+" dialled again too late"]++
	}
}

// retried is what the books say of it; the lock is held.
func (b *books) retried() map[string]retry {
	out := map[string]retry{}
	for tunnel, one := range b.retries {
		out[tunnel] = *one
	}
	return out
}
