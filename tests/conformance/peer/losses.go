package main

import (
	"context"
	"errors"
	"strings"
	"time"
)

func (l *life) detached(one *websocketOf) {
	l.mu.Lock()
	l.sessions[one.tunnel]--
	l.lostAt[one.tunnel] = time.Now()
	if l.sessions[one.tunnel] == 0 {
		l.on.tunnels.mu.Lock()
		if l.cut[one.tunnel] = one.cut; !one.cut.IsZero() && one.tunnel == "main" {
			l.cutAt = one.cut
		}
		l.on.tunnels.mu.Unlock()
		if one.tunnel == "main" && l.cutAt.IsZero() {
			l.cutAt = time.Now()
		}
	}
	l.mu.Unlock()
	l.closeLanes(true)
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
