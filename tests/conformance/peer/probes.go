package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

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
			l.on.books.excused("pings lost with their tunnel", err)
		} else {
			l.on.books.unexcused("ping", err, err.Error())
		}
		l.on.registry.set(l.c, condition{Type: "Connected", Status: "False"})
		return
	}
	l.on.books.took("ping", began)
	l.on.registry.set(l.c, condition{Type: "Connected", Status: "True"})
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 1<<10) }}

// ping asks over a fresh connection of the second tunnel, plain HTTP.
func (l *life) ping() error {
	l.on.books.inFlight.Add(1)
	defer l.on.books.inFlight.Add(-1)
	ctx, cancel := context.WithTimeout(l.ctx, pingLimit)
	defer cancel()
	conn, err := l.on.tunnels.dial(ctx, stvPrefix+l.c.id, "not-used:80")
	if err != nil {
		return l.on.books.lostRequest("get", "/ping", &lost{unwritten, err})
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(pingLimit))
	if _, err := io.WriteString(conn, "GET /ping HTTP/1.1\r\nHost: not-used\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		return l.on.books.lostRequest("get", "/ping", &lost{unwritten, err})
	}
	reader := readers.Get().(*bufio.Reader)
	defer readers.Put(reader)
	reader.Reset(conn)
	defer reader.Reset(nil)
	if _, err := reader.Peek(1); err != nil {
		return l.on.books.lostRequest("get", "/ping", &lost{unanswered, err})
	}
	reply, err := http.ReadResponse(reader, nil)
	if err != nil {
		return l.on.books.lostRequest("get", "/ping", &lost{garbled, err})
	}
	size, err := io.Copy(io.Discard, reply.Body)
	l.on.books.request(requestKey{"get", "/ping", reply.StatusCode}, 0, size)
	if err != nil {
		l.on.books.tunnel("answers cut short")
		return &lost{cutShort, err}
	}
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
	status, _, err := l.ask(l.lane(probeLane), question{"GET", "/readyz", "timeout=45s", map[string]string{
		"User-Agent": l.userAgent(), "Accept": "application/json, */*", "Authorization": "Bearer " + l.token(), "Accept-Encoding": "gzip"}, nil, false})
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
		l.on.books.excused("readyz lost with its tunnel", err)
	} else {
		l.on.books.unexcused("readyz", err, err.Error())
	}
	if attempt < attempts {
		l.later(attemptGap, func() { l.probe(attempt + 1) })
		return
	}
	l.on.registry.set(l.c, condition{Type: "Ready", Status: "False", Reason: "Error",
		Message: "cluster health check failed: Failed to communicate with API server during namespace check: " + err.Error()})
}
