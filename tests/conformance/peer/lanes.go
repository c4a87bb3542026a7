package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	idleAfter = 90 * time.Second
	shedAfter = 5 * time.Second
	mostIdle  = 25
	bigBuffer = 2 << 10 // what is above is given back
)

// lane is one recorded connection: requests one after the other on a kept TLS connection, which ends when it was idle
// for 90 seconds, as client-go's do. It does what http.Transport does with HTTP/1.1 (net/http writes the requests and
// reads the answers, by its own rule of what is asked again), without the two goroutines and 8 KB of buffers that it
// keeps per connection, and it knows of each request how far it came.
type lane struct {
	books *books
	dial  func(context.Context) (*kept, error)
	mu    sync.Mutex
	spare func() *kept // an idle connection of another lane
	idle  []*kept
	known bool // it had a connection
}

// kept is a TLS connection of a lane.
type kept struct {
	raw    *tunnelled
	conn   *tls.Conn
	reader *bufio.Reader
	home   *lane // where it is idle
	timer  *time.Timer
	shed   bool
	uses   int
}

func newKept(raw *tunnelled, conn *tls.Conn) *kept {
	raw.secured(conn)
	return &kept{raw: raw, conn: conn, reader: bufio.NewReaderSize(conn, 512)}
}

func (k *kept) close() { k.conn.Close() }

// await waits for the next bytes of an answer that may take minutes.
func (k *kept) await() {
	if k.reader.Buffered() == 0 && !k.raw.drained() {
		k.reader.Peek(1)
	}
	left := k.reader.Buffered()
	if end, _ := k.reader.Peek(min(left, 2)); left == 0 || (left == 2 && string(end) == "\r\n") { // a chunk's end
		k.raw.await()
	}
}

// reach says how far a request came that has no answer.
type reach int

const (
	unwritten  reach = iota // it was never sent, or not all of it: the other side has not served it
	unanswered              // it was sent, and no byte came back: the other side may have served it
	garbled                 // the answer broke off in its head
	cutShort                // the answer broke off behind its head: the request is in the books with its status
)

var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 4<<10) }}

// lost is a request without an answer, and how far it came.
type lost struct {
	reach
	error
}

func (l *lost) Unwrap() error { return l.error }

// mayBeServed says whether the other side may have served a request that failed so.
func mayBeServed(err error) bool {
	var how *lost
	return errors.As(err, &how) && how.reach != unwritten
}

// exchange asks, and asks again where net/http does; every try that failed is in the books.
func (l *lane) exchange(request *http.Request, verb, resource string) (*http.Response, error) {
	for {
		k, err := l.take(request.Context())
		if err != nil {
			return nil, l.books.lostRequest(verb, resource, &lost{unwritten, err})
		}
		reply, failed := k.ask(request)
		if failed == nil {
			return reply, nil
		}
		k.close()
		if request.Context().Err() != nil {
			failed.error = request.Context().Err()
		}
		l.books.lostRequest(verb, resource, failed)
		if request.Context().Err() != nil || k.uses == 1 || !again(request, failed.reach) {
			return nil, failed
		}
		l.books.repeated.Add(1)
		if failed.reach != unwritten {
			l.books.tunnel("asked again by net/http")
		}
	}
}

// again is http.Transport's rule for a kept connection that died: what was not sent is sent again, what was sent and has
// no answer only if it may be asked twice.
func again(request *http.Request, how reach) bool {
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return false
		}
		request.Body = body
	}
	return how == unwritten || (how == unanswered && (request.Method == "GET" || request.Method == "HEAD"))
}

// ask makes one request on this connection. Its answer's body gives the connection back.
func (k *kept) ask(request *http.Request) (*http.Response, *lost) {
	k.uses++
	stop := context.AfterFunc(request.Context(), k.close)
	reply, failed := k.roundTrip(request)
	if failed != nil {
		stop()
		return nil, failed
	}
	if reply.Body == http.NoBody && !reply.Close {
		if stop() {
			k.home.put(k)
		}
		return reply, nil
	}
	reply.Body = &answerBody{ReadCloser: reply.Body, k: k, stop: stop, last: reply.Close}
	return reply, nil
}

func (k *kept) roundTrip(request *http.Request) (*http.Response, *lost) {
	if err := k.write(request); err != nil {
		return nil, &lost{unwritten, err}
	}
	if _, err := k.reader.Peek(1); err != nil {
		return nil, &lost{unanswered, err}
	}
	reply, err := http.ReadResponse(k.reader, request)
	if err != nil {
		return nil, &lost{garbled, err}
	}
	return reply, nil
}

// write sends in pieces of 4 KB and asks for a packed answer, as http.Transport does.
func (k *kept) write(request *http.Request) error {
	if request.Header.Get("Accept-Encoding") == "" {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	out := writers.Get().(*bufio.Writer)
	defer writers.Put(out)
	out.Reset(k.conn)
	defer out.Reset(nil)
	if err := request.Write(out); err != nil {
		return err
	}
	return out.Flush()
}

// answerBody gives its connection back to the lane when it was read to its end, and closes it otherwise.
type answerBody struct {
	io.ReadCloser
	k       *kept
	stop    func() bool
	patient bool
	last    bool
	ended   bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.patient {
		b.k.await()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end(errors.Is(err, io.EOF))
	}
	return n, err
}

func (b *answerBody) Close() error {
	b.end(false)
	return nil
}

func (b *answerBody) end(whole bool) {
	if b.ended {
		return
	}
	b.ended = true
	if b.stop() && whole && !b.last {
		b.k.home.put(b.k)
		return
	}
	b.k.close()
}

// take gives the connection that was used last, if it still can be. A lane whose connection is under way asks for an
// idle one of the same client, as http.Transport's pool gives it; without any it dials, and always for the lane's first.
func (l *lane) take(ctx context.Context) (*kept, error) {
	k, first := l.own()
	if k == nil && !first && l.spare != nil {
		k = l.spare()
	}
	if k != nil {
		return k, nil
	}
	k, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	k.home, l.known = l, true
	l.mu.Unlock()
	return k, nil
}

// own is an idle connection of this lane that can be used, nil for none; and whether the lane never had one.
func (l *lane) own() (k *kept, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.idle) > 0 {
		last := len(l.idle) - 1
		k := l.idle[last]
		l.idle = l.idle[:last]
		k.timer.Stop()
		if k.raw.wake() {
			return k, false
		}
		go k.close() // it says good-bye, and its tunnel may make it wait
	}
	return nil, !l.known
}

func (l *lane) put(k *kept) {
	k.raw.rest()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) >= mostIdle {
		k.close()
		return
	}
	l.idle, k.shed = append(l.idle, k), false
	if k.timer == nil {
		k.timer = time.AfterFunc(shedAfter, func() { l.tired(k) })
	} else {
		k.timer.Reset(shedAfter)
	}
}

// tired comes twice to an idle connection: first it sheds its buffers, then it is closed.
func (l *lane) tired(k *kept) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, one := range l.idle {
		if one != k {
			continue
		}
		if !k.shed {
			k.shed = true
			k.raw.shed()
			k.timer.Reset(idleAfter - shedAfter)
			return
		}
		l.idle = append(l.idle[:i], l.idle[i+1:]...)
		k.close()
		return
	}
}

// closeIdle closes what is not in use; with dead alone what has ended already.
func (l *lane) closeIdle(dead bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.idle[:0]
	for _, k := range l.idle {
		if dead && k.raw.alive() {
			left = append(left, k)
			continue
		}
		k.timer.Stop()
		k.close()
	}
	clear(l.idle[len(left):])
	l.idle = left
}
