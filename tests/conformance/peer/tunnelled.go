package main

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// tunnelled is one connection through a tunnel as remotedialer gave it: it counts, and gives memory back while it waits.
type tunnelled struct {
	net.Conn
	books   *books
	inbox   *inbox
	records *records
	resting bool // nobody is in Read; this and the next belong to the inbox's lock
	tidying bool // big buffers were seen, and a timer will shed them
	heard   atomic.Bool
	closed  atomic.Bool
}

func newTunnelled(conn net.Conn, b *books) *tunnelled {
	b.opened.Add(1)
	b.connsOpen.Add(1)
	return &tunnelled{Conn: conn, books: b, inbox: inboxOf(conn)}
}

func (t *tunnelled) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 {
		t.books.tunnelIn.Add(int64(n))
		t.heard.Store(true)
	}
	return n, err
}

func (t *tunnelled) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	t.books.tunnelOut.Add(int64(n))
	return n, err
}

// SetWriteDeadline does nothing: with a deadline remotedialer keeps a goroutine per write until it is over, and
// crypto/tls sets one of five seconds whenever it closes.
func (t *tunnelled) SetWriteDeadline(time.Time) error { return nil }

// Close counts once, and whether the other side ever said anything: a Connect that was under way when its tunnel ended
// is in nobody else's books.
func (t *tunnelled) Close() error {
	if t.closed.CompareAndSwap(false, true) {
		t.books.connsOpen.Add(-1)
		t.books.connsClosed.Add(1)
		if !t.heard.Load() {
			t.books.unheard.Add(1)
		}
	}
	return t.Conn.Close()
}

// secured is told of the TLS connection above this one when its handshake is done.
func (t *tunnelled) secured(conn *tls.Conn) { t.records = recordsOf(conn) }

// drained says whether TLS has nothing left of what it read.
func (t *tunnelled) drained() bool { return t.records == nil || t.records.empty() }

// await returns when there is something to read, or the connection has ended. Waiting here and not below TLS and
// HTTP keeps the waiting goroutine's stack at 4 KB where it was 8, and lets its buffers be shed.
func (t *tunnelled) await() {
	if t.inbox == nil || t.records == nil || !t.drained() {
		return
	}
	t.inbox.cond.L.Lock()
	defer t.inbox.cond.L.Unlock()
	t.resting = true
	if !t.tidying && max(t.inbox.buf.Cap(), t.records.raw.Cap()) > bigBuffer {
		t.tidying = true
		time.AfterFunc(shedAfter, t.tidy)
	}
	for t.inbox.buf.Len() == 0 && *t.inbox.err == nil {
		t.inbox.cond.Wait()
	}
	t.resting = false
}

// tidy sheds what a burst left behind, now or when the next wait begins.
func (t *tunnelled) tidy() {
	t.shed()
	t.inbox.cond.L.Lock()
	t.tidying = false
	t.inbox.cond.L.Unlock()
}

// rest says that nobody reads until wake is called.
func (t *tunnelled) rest() {
	if t.inbox != nil {
		t.inbox.cond.L.Lock()
		t.resting = true
		t.inbox.cond.L.Unlock()
	}
}

// alive says whether a connection that rests can still be used: nothing came since, and it has not ended.
func (t *tunnelled) alive() bool {
	if t.inbox == nil {
		return true
	}
	t.inbox.cond.L.Lock()
	defer t.inbox.cond.L.Unlock()
	return t.inbox.buf.Len() == 0 && *t.inbox.err == nil
}

// wake ends the rest; false for a connection that cannot be used any more.
func (t *tunnelled) wake() bool {
	alive := t.alive()
	if t.inbox != nil {
		t.inbox.cond.L.Lock()
		t.resting = false
		t.inbox.cond.L.Unlock()
	}
	return alive
}

// shed gives back the buffers of a connection that rests; false when it does not.
func (t *tunnelled) shed() bool {
	if t.inbox == nil || t.records == nil {
		return true
	}
	t.inbox.cond.L.Lock()
	defer t.inbox.cond.L.Unlock()
	if !t.resting || t.inbox.buf.Len() > 0 {
		return false
	}
	*t.inbox.buf = bytes.Buffer{}
	t.records.shed()
	return true
}
