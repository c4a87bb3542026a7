package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rancher/remotedialer"
	"github.com/sirupsen/logrus"
)

// tunnelTo gives a lane through a real remotedialer session to a TLS server.
func tunnelTo(t *testing.T, handler http.HandlerFunc) (*lane, *httptest.Server) {
	t.Helper()
	target := httptest.NewTLSServer(handler)
	rancher := remotedialer.New(func(*http.Request) (string, bool, error) { return "c", true, nil }, remotedialer.DefaultErrorWriter)
	outer := httptest.NewServer(rancher)
	ctx, cancel := context.WithCancel(context.Background())
	here := make(chan struct{})
	go remotedialer.ConnectToProxy(ctx, strings.Replace(outer.URL, "http", "ws", 1), nil, func(string, string) bool { return true },
		&websocket.Dialer{}, func(context.Context, *remotedialer.Session) error { close(here); return nil })
	<-here
	for until := time.Now().Add(10 * time.Second); !rancher.HasSession("c"); {
		if time.Now().After(until) {
			t.Fatal("no session")
		}
		time.Sleep(time.Millisecond)
	}
	t.Cleanup(func() { cancel(); outer.Close(); target.Close() })
	b := newBooks()
	pool := x509.NewCertPool()
	pool.AddCert(target.Certificate())
	dial := func(ctx context.Context) (*kept, error) {
		raw, err := rancher.Dialer("c")(ctx, "tcp", target.Listener.Addr().String())
		if err != nil {
			return nil, err
		}
		below := newTunnelled(raw, b)
		conn := tls.Client(below, &tls.Config{RootCAs: pool, ServerName: "example.com"})
		if err := conn.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return newKept(below, conn), nil
	}
	return &lane{books: b, dial: dial}, target
}

func get(t *testing.T, l *lane, path string) string {
	t.Helper()
	request, _ := http.NewRequest("GET", "https://example.com"+path, nil)
	reply, err := l.exchange(request, "get", "things")
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(body)
}

func TestMain(m *testing.M) {
	logrus.SetLevel(logrus.PanicLevel)
	os.Exit(m.Run())
}

func echo(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }

func TestRequestsOfALaneShareAConnectionEvenAfterItShedItsBuffers(t *testing.T) {
	l, _ := tunnelTo(t, echo)
	for _, path := range []string{"/a", "/b", "/c"} {
		if got := get(t, l, path); got != path {
			t.Errorf("%s answered %s", path, got)
		}
		if k := l.idle[0]; k.raw.inbox == nil || k.raw.records == nil || !k.raw.shed() {
			t.Error("remotedialer or crypto/tls keeps its buffers elsewhere: nothing was shed")
		} else if k.raw.inbox.buf.Cap() > 0 || k.raw.records.raw.Cap() > 0 {
			t.Error("buffers are still there")
		}
	}
	if got := l.books.opened.Load(); got != 1 {
		t.Errorf("%d connections", got)
	}
}

func TestAConnectionThatDiedWhileIdleIsReplacedBeforeAnythingIsSent(t *testing.T) {
	l, target := tunnelTo(t, echo)
	get(t, l, "/a")
	target.CloseClientConnections()
	for until := time.Now().Add(10 * time.Second); l.idle[0].raw.alive(); {
		if time.Now().After(until) {
			t.Fatal("the connection does not end")
		}
		time.Sleep(time.Millisecond)
	}
	get(t, l, "/b")
	if l.books.opened.Load() != 2 || l.books.repeated.Load() != 0 || len(l.books.rows()) != 0 {
		t.Errorf("%d connections, %d repeated, rows %v", l.books.opened.Load(), l.books.repeated.Load(), l.books.rows())
	}
}

func TestAGetWithoutAnAnswerOnAKeptConnectionIsAskedAgainAndAnUpdateIsNot(t *testing.T) {
	var served atomic.Int64
	l, _ := tunnelTo(t, func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1)%2 == 0 { // the second on each connection
			panic(http.ErrAbortHandler)
		}
		echo(w, r)
	})
	get(t, l, "/a")
	if got := get(t, l, "/b"); got != "/b" {
		t.Errorf("answered %q", got)
	}
	if rows := l.books.rows(); l.books.repeated.Load() != 1 || len(rows) != 1 || rows[0].Status != 0 || rows[0].N != 1 {
		t.Errorf("%d repeated, rows %v", l.books.repeated.Load(), rows)
	}
	request, _ := http.NewRequest("PUT", "https://example.com/c", strings.NewReader("x"))
	if _, err := l.exchange(request, "update", "things"); err == nil {
		t.Error("an update was asked twice")
	}
	if got := l.books.repeated.Load(); got != 1 {
		t.Errorf("%d repeated", got)
	}
}

func TestAWatchShedsItsBuffersWhileItWaitsAndReadsOn(t *testing.T) {
	more := make(chan string)
	l, _ := tunnelTo(t, func(w http.ResponseWriter, _ *http.Request) {
		for text := range more {
			fmt.Fprint(w, text)
			w.(http.Flusher).Flush()
		}
	})
	request, _ := http.NewRequest("GET", "https://example.com/", nil)
	go func() { more <- strings.Repeat("x", 40_000); more <- "short" }()
	reply, err := l.exchange(request, "watch", "things")
	if err != nil {
		t.Fatal(err)
	}
	body := reply.Body.(*answerBody)
	body.patient = true
	if _, err := io.ReadFull(body, make([]byte, 40_005)); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		rest, _ := io.ReadAll(body)
		read <- string(rest)
	}()
	for until := time.Now().Add(10 * time.Second); !body.k.raw.shed(); {
		if time.Now().After(until) {
			close(more)
			t.Fatal("the watch never rests")
		}
		time.Sleep(time.Millisecond)
	}
	more <- "the end"
	close(more)
	if got := <-read; got != "the end" {
		t.Errorf("read %q", got)
	}
	if len(l.idle) != 1 {
		t.Error("an answer that was read to its end does not give its connection back")
	}
}

func TestACancelledRequestEndsItsConnection(t *testing.T) {
	arrived, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	l, _ := tunnelTo(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-over })
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, "GET", "https://example.com/", nil)
	go func() { <-arrived; cancel() }()
	if _, err := l.exchange(request, "get", "things"); !errors.Is(err, context.Canceled) || !mayBeServed(err) {
		t.Errorf("ended with %v", err)
	}
	if l.books.connsOpen.Load() != 0 || l.books.connsClosed.Load() != 1 {
		t.Error("the connection is still open")
	}
}

func TestACertificateIsVerifiedOnceAndForItsHostOnly(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{server.Certificate()}}
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	good := &trust{pool: pool, host: "example.com"}
	if err := good.verify(state); err != nil || good.verified.Load() == nil {
		t.Errorf("not trusted: %v", err)
	}
	if err := good.verify(state); err != nil {
		t.Errorf("not trusted again: %v", err)
	}
	for _, bad := range []*trust{{pool: pool, host: "example.org"}, {pool: x509.NewCertPool(), host: "example.com"}} {
		if bad.verify(state) == nil {
			t.Errorf("trusted for %s", bad.host)
		}
	}
}

func TestFramesAreMeteredHoweverTheBytesCome(t *testing.T) {
	var wire []byte
	for _, size := range []int{0, 1, 125, 126, 70_000} {
		wire = append(wire, frame(2, size, true)...)
		wire = append(wire, frame(opPing, 0, true)...)
		wire = append(wire, frame(2, size, false)...)
	}
	for _, step := range []int{1, 7, len(wire)} {
		counts, m := map[byte]int{}, meter{}
		for from := 0; from < len(wire); from += step {
			m.see(wire[from:min(from+step, len(wire))], func(opcode byte) { counts[opcode]++ })
		}
		if counts[2] != 10 || counts[opPing] != 5 || len(counts) != 2 {
			t.Errorf("in pieces of %d: %v", step, counts)
		}
	}
}

// frame is one of RFC 6455, section 5.2, full of bytes that look like pings.
func frame(opcode byte, size int, masked bool) []byte {
	out := []byte{0x80 | opcode}
	switch {
	case size > 0xffff:
		out = append(out, 127, 0, 0, 0, 0, 0, byte(size>>16), byte(size>>8), byte(size))
	case size > 125:
		out = append(out, 126, byte(size>>8), byte(size))
	default:
		out = append(out, byte(size))
	}
	if masked {
		out[1] |= 0x80
		size += 4
	}
	return append(out, []byte(strings.Repeat("\x89", size))...)
}

// reading tells when somebody begins to wait for a socket.
type reading struct {
	syscall.RawConn
	began func()
}

func (r reading) Read(ready func(uintptr) bool) error {
	r.began()
	return r.RawConn.Read(ready)
}

func TestAQuietWebsocketShedsItsBufferAndReadsOn(t *testing.T) {
	ready := make(chan *websocketConn, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		taken, err := hijack(w, newBooks(), func() {})
		if err == nil {
			ready <- taken.conn
		}
	}))
	server.Listener = measuredListener{server.Listener, newBooks()}
	server.StartTLS()
	defer server.Close()
	client, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	conn := <-ready
	defer conn.Close()
	if conn.raw == nil || conn.records == nil {
		t.Fatal("crypto/tls keeps its buffers elsewhere")
	}
	client.Write(frame(2, 60_000, true))
	if _, err := io.ReadFull(conn, make([]byte, len(frame(2, 60_000, true)))); err != nil {
		t.Fatal(err)
	}
	if conn.quiet || conn.records.raw.Cap() <= bigBuffer {
		t.Fatalf("after a burst: quiet %t, buffer of %d", conn.quiet, conn.records.raw.Cap())
	}
	conn.quiet = true // as after a read that waited long
	waiting := make(chan int, 1)
	next := make(chan byte)
	conn.raw = reading{conn.raw, func() { waiting <- conn.records.raw.Cap() }}
	go func() {
		b := make([]byte, 1)
		conn.Read(b)
		next <- b[0]
	}()
	if got := <-waiting; got != 0 {
		t.Errorf("it waits with a buffer of %d", got)
	}
	client.Write([]byte{0x8a})
	if got := <-next; got != 0x8a {
		t.Errorf("read %x", got)
	}
}

func TestALaneWhoseConnectionIsUnderWayBorrowsAnIdleOneThatGoesHome(t *testing.T) {
	held, release := make(chan struct{}), make(chan struct{})
	one, _ := tunnelTo(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			close(held)
			<-release
		}
		echo(w, r)
	})
	other := &lane{books: one.books, dial: one.dial}
	one.spare = func() *kept { k, _ := other.own(); return k }
	get(t, other, "/a")
	get(t, one, "/first") // a lane's first is a connection of its own
	done := make(chan string)
	go func() { done <- get(t, one, "/held") }()
	<-held
	get(t, one, "/b")
	if opened, idle := one.books.opened.Load(), len(other.idle); opened != 2 || idle != 1 {
		t.Errorf("%d connections, %d went home", opened, idle)
	}
	busy, _ := other.own()
	get(t, one, "/c")
	if opened := one.books.opened.Load(); opened != 3 {
		t.Errorf("%d connections, with none to borrow", opened)
	}
	busy.close()
	close(release)
	if got := <-done; got != "/held" || len(one.idle) != 2 {
		t.Errorf("answered %s, %d idle", got, len(one.idle))
	}
}

func TestGarbageIsBoundedAsTheHeapGrows(t *testing.T) {
	about := settings{gogc: 400, garbageMiB: 512}
	for live, want := range map[uint64]int{0: 400, 100 << 20: 400, 256 << 20: 200, 512 << 20: 100, 8 << 30: 50} {
		if got := percent(about, live); got != want {
			t.Errorf("GOGC %d with %d MiB, not %d", got, live>>20, want)
		}
	}
}
