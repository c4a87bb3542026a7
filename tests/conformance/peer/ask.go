package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const answerLimit = 45 * time.Second

// question is a request as a script or a probe has it; keep: its answer's body matters.
type question struct {
	method, path, query string
	headers             map[string]string
	body                []byte
	keep                bool
}

// ask makes one request and reads the whole answer. It is in the books with its status as soon as that was read: the
// other side has served it then, whether the rest of the body comes or not.
func (l *life) ask(on *lane, q question) (int, []byte, error) {
	l.on.books.inFlight.Add(1)
	defer l.on.books.inFlight.Add(-1)
	ctx, cancel := context.WithTimeout(l.ctx, answerLimit)
	defer cancel()
	l.mu.Lock()
	target := url.URL{Scheme: "https", Host: l.params.Address, Path: q.path, RawQuery: q.query}
	l.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, q.method, target.String(), bytes.NewReader(q.body))
	if err != nil {
		return 0, nil, err
	}
	if len(q.body) == 0 {
		request.Body, request.GetBody = nil, nil
	}
	for name, value := range q.headers {
		request.Header.Set(name, value)
	}
	verb, resource := verbAndResource(q.method, q.path, q.query)
	reply, err := on.exchange(request, verb, resource)
	if err != nil {
		return 0, nil, err
	}
	raw, size, err := q.read(reply)
	reply.Body.Close()
	l.on.books.request(requestKey{verb, resource, reply.StatusCode}, int64(len(q.body)), size)
	if err != nil {
		l.on.books.tunnel("answers cut short")
		return 0, nil, &lost{cutShort, err}
	}
	if reply.Header.Get("Content-Encoding") == "gzip" && len(raw) > 0 && q.keep {
		return unzipped(reply.StatusCode, raw)
	}
	return reply.StatusCode, raw, nil
}

// read takes the body, of which only the beginning is kept if it does not matter: the documents of /openapi alone are
// 5 MB per import.
func (q *question) read(reply *http.Response) ([]byte, int64, error) {
	if q.keep {
		raw, err := io.ReadAll(reply.Body)
		return raw, int64(len(raw)), err
	}
	head, err := io.ReadAll(io.LimitReader(reply.Body, 400))
	if err != nil || len(head) < 400 {
		return head, int64(len(head)), err
	}
	rest, err := io.Copy(io.Discard, reply.Body)
	return head, int64(len(head)) + rest, err
}

func unzipped(status int, raw []byte) (int, []byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return status, nil, err
	}
	out, err := io.ReadAll(reader)
	return status, out, err
}

// droppedBySync: remotedialer's server drops a connection that it has just opened when the client's SyncConnections was
// written before the client read the Connect: the later the client reads, the more of them. Real agents have the same race.
const droppedBySync = "dropped by a sync"

// unexcused books a loss that did not go with its tunnel: one by the race above has its cause, any other is an error.
func (b *books) unexcused(kind string, err error, text string) {
	switch {
	case strings.Contains(err.Error(), "sync from client"):
		b.excused(droppedBySync, err)
		return
	case strings.Contains(err.Error(), "TLS handshake"):
		kind = "TLS handshake"
	case errors.Is(err, context.DeadlineExceeded):
		kind = "request timeout"
	}
	b.excused("failed", err)
	b.fail(kind, text)
}
