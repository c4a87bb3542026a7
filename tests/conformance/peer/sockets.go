package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// measured counts what goes over a TCP socket, and remembers when it was accepted and whether a request came.
type measured struct {
	net.Conn
	in, out  *atomic.Int64
	accepted time.Time
	asked    atomic.Bool
}

func (m *measured) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.in.Add(int64(n))
	return n, err
}

func (m *measured) Write(b []byte) (int, error) {
	n, err := m.Conn.Write(b)
	m.out.Add(int64(n))
	return n, err
}

// measuredListener counts the bytes of all sockets.
type measuredListener struct {
	net.Listener
	books *books
}

func (l measuredListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &measured{Conn: conn, in: &l.books.wireIn, out: &l.books.wireOut, accepted: time.Now()}, nil
}

// socketOf is the socket below a connection of the HTTP server.
func socketOf(conn net.Conn) *measured {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	found, _ := conn.(*measured)
	return found
}

// stateChanged is told by the HTTP server: a socket that ends before its first request was a dial that the other side
// gave up, as an agent does that is replaced while it dials.
func (b *books) stateChanged(conn net.Conn, state http.ConnState) {
	socket := socketOf(conn)
	if socket == nil {
		return
	}
	switch state {
	case http.StateActive:
		socket.asked.Store(true)
	case http.StateClosed:
		if !socket.asked.Load() {
			b.abandoned.Add(1)
		}
	}
}

// meter reads along on one direction of a websocket: whole frames by opcode, without keeping anything of them.
type meter struct {
	head [10]byte
	have int
	left uint64
}

// see calls found with the opcode of each frame whose header is complete in b or before it.
func (m *meter) see(b []byte, found func(opcode byte)) {
	for len(b) > 0 {
		if m.left > 0 {
			skip := min(m.left, uint64(len(b)))
			m.left -= skip
			b = b[skip:]
			continue
		}
		m.head[m.have] = b[0]
		m.have++
		b = b[1:]
		if size, ok := m.size(); ok {
			m.left, m.have = size, 0
			found(m.head[0] & 0x0f)
		}
	}
}

// size is what follows the length in the frame: the mask's key and the payload; false until the length is complete.
func (m *meter) size() (uint64, bool) {
	if m.have < 2 {
		return 0, false
	}
	size, width := uint64(m.head[1]&0x7f), 0
	switch size {
	case 126:
		width = 2
	case 127:
		width = 8
	}
	if m.have < 2+width {
		return 0, false
	}
	if width > 0 {
		size = 0
	}
	for _, one := range m.head[2 : 2+width] {
		size = size<<8 | uint64(one)
	}
	if m.head[1]&0x80 != 0 {
		size += 4
	}
	return size, true
}

const (
	opPing = 9
	opPong = 10
)

// websocketConn is a hijacked connection: its first write is the upgrade's answer, all that follows are frames.
type websocketConn struct {
	net.Conn
	books    *books
	upgraded func()
	in, out  meter
	open     bool
	heard    atomic.Bool

	raw     syscall.RawConn // with records: to wait outside of TLS
	records *records
	quiet   bool // the last read waited long; belongs to who reads
}

func newWebsocketConn(conn net.Conn, b *books, upgraded func()) *websocketConn {
	w := &websocketConn{Conn: conn, books: b, upgraded: upgraded}
	if secure, ok := conn.(*tls.Conn); ok {
		w.records = recordsOf(secure)
	}
	if socket := socketOf(conn); socket != nil {
		if plain, ok := socket.Conn.(syscall.Conn); ok {
			w.raw, _ = plain.SyscallConn()
		}
	}
	return w
}

func (w *websocketConn) Read(b []byte) (int, error) {
	began := time.Now()
	if w.quiet && w.raw != nil && w.records != nil && w.records.empty() && w.records.raw.Cap() > bigBuffer {
		w.await()
	}
	n, err := w.Conn.Read(b)
	w.quiet = time.Since(began) > time.Second
	if n > 0 {
		w.books.framesIn.Add(int64(n))
		w.in.see(b[:n], func(opcode byte) {
			w.heard.Store(true)
			if opcode == opPing {
				w.books.pings.Add(1)
			}
		})
	}
	return n, err
}

// await returns when the socket has something to read, or has ended. Only a quiet websocket waits here, without its TLS
// buffer of up to 36 KB, and not in the midst of it: it costs two system calls.
func (w *websocketConn) await() {
	w.records.shed()
	w.raw.Read(readable) // an error comes again from the read that follows
}

// readable looks without taking anything.
func readable(descriptor uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(descriptor), one[:], syscall.MSG_PEEK)
	return err != syscall.EAGAIN
}

func (w *websocketConn) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if !w.open {
		if err == nil {
			w.open = true
			w.upgraded()
		}
		return n, err
	}
	w.books.framesOut.Add(int64(n))
	w.out.see(b[:n], func(opcode byte) {
		if opcode == opPong {
			w.books.pongs.Add(1)
		}
	})
	return n, err
}

// hijacked is a response writer whose connection was taken from the HTTP server already: the server's own goroutine,
// request and 8 KB of buffers can go.
type hijacked struct {
	conn   *websocketConn
	header http.Header
}

func hijack(w http.ResponseWriter, b *books, upgraded func()) (*hijacked, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	if buffered.Reader.Buffered() > 0 {
		conn.Close()
		return nil, errors.New("bytes before the upgrade's answer")
	}
	return &hijacked{newWebsocketConn(conn, b, upgraded), http.Header{}}, nil
}

// Hijack gives what the websocket library asks for: it makes its own buffer to write, and reads through this one.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReaderSize(h.conn, 2<<10), bufio.NewWriterSize(h.conn, 16)), nil
}

func (h *hijacked) Header() http.Header { return h.header }

// Write and WriteHeader come for an upgrade that failed; there is nobody left to tell.
func (h *hijacked) Write(b []byte) (int, error) { return len(b), nil }
func (h *hijacked) WriteHeader(int)             { h.conn.books.fail("upgrade", "a websocket did not come about") }
