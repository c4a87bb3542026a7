package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rancher/remotedialer"
)

const stvPrefix = "stv-cluster-"

// agentParams is what the agent sends in X-API-Tunnel-Params.
type agentParams struct {
	Address string `json:"address"`
	CACert  string `json:"caCert"`
	Token   string `json:"token"`
}

// tunnels is the remotedialer server with Rancher's authorizers before it, and every open websocket for storms.
type tunnels struct {
	registry *registry
	books    *books
	server   *remotedialer.Server
	mu       sync.Mutex
	open     map[net.Conn]string
}

type connKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

func newTunnels(r *registry, b *books) *tunnels {
	t := &tunnels{registry: r, books: b, open: map[net.Conn]string{}}
	t.server = remotedialer.New(func(req *http.Request) (string, bool, error) {
		key, ok := req.Context().Value(sessionKey{}).(string)
		return key, ok, nil
	}, remotedialer.DefaultErrorWriter)
	return t
}

type sessionKey struct{}

var errUnknown = errors.New("cluster not found")

// admit follows Rancher's authorizers: who dials, and by which tunnel.
func (t *tunnels) admit(r *http.Request) (*cluster, string, agentParams, int, error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "+stvPrefix); ok {
		c := t.registry.byTokenOf(token)
		if c == nil || t.registry.isRemoved(c) {
			return nil, "", agentParams{}, 401, errors.New("failed authentication")
		}
		return c, "stv", agentParams{}, 0, nil
	}
	token := r.Header.Get("X-API-Tunnel-Token")
	if token == "" {
		return nil, "", agentParams{}, 401, errors.New("failed authentication")
	}
	c := t.registry.byTokenOf(token)
	if c == nil {
		return nil, "", agentParams{}, 400, errUnknown
	}
	params, err := readParams(r.Header.Get("X-API-Tunnel-Params"))
	if err != nil {
		return nil, "", params, 400, err
	}
	return c, "main", params, 0, nil
}

func readParams(packed string) (agentParams, error) {
	var body struct {
		Cluster agentParams `json:"cluster"`
	}
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return body.Cluster, err
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return body.Cluster, err
	}
	if body.Cluster.Address == "" || body.Cluster.Token == "" || body.Cluster.CACert == "" {
		return body.Cluster, errors.New("invalid input, address, token or caCert empty")
	}
	pem, err := base64.StdEncoding.DecodeString(body.Cluster.CACert)
	body.Cluster.CACert = string(pem)
	return body.Cluster, err
}

func (t *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, tunnel, params, status, err := t.admit(r)
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if err != nil || !upgrade {
		t.refuse(w, upgrade, status, err)
		return
	}
	key := c.id
	if tunnel == "stv" {
		key = stvPrefix + c.id
	}
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	t.track(conn, tunnel, true)
	c.life.attached(tunnel, params)
	t.server.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, key)))
	t.track(conn, tunnel, false)
	c.life.detached(tunnel)
}

func (t *tunnels) refuse(w http.ResponseWriter, upgrade bool, status int, err error) {
	if err == nil {
		status, err = 400, errors.New("Bad Request\n")
	}
	if upgrade {
		t.books.tunnel("refused")
	} else {
		t.books.restCall("connect", status)
	}
	for name, value := range map[string]string{"Cache-Control": "no-cache, no-store, must-revalidate", "X-Api-Cattle-Auth": "false",
		"X-Content-Type-Options": "nosniff", "Content-Type": "text/plain; charset=utf-8"} {
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	io.WriteString(w, err.Error())
}

func (t *tunnels) track(conn net.Conn, tunnel string, on bool) {
	gauge := &t.books.mainOpen
	if tunnel == "stv" {
		gauge = &t.books.stvOpen
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if on {
		gauge.Add(1)
		t.books.tunnel(tunnel + " opened")
		t.open[conn] = tunnel
		return
	}
	gauge.Add(-1)
	t.books.tunnel(tunnel + " closed")
	delete(t.open, conn)
}

// storm cuts a share of all websockets at once, without a word to the other side; how many.
func (t *tunnels) storm(share float64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	cut, wanted := 0, int(share*float64(len(t.open))+0.5)
	for conn := range t.open {
		if cut >= wanted {
			break
		}
		cut++
		if inner, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = inner.NetConn()
		}
		go conn.Close()
	}
	return cut
}

// measured counts what goes over a connection, and that it is closed once.
type measured struct {
	net.Conn
	in, out *atomic.Int64
	closed  atomic.Bool
	onClose func()
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

func (m *measured) Close() error {
	if m.onClose != nil && m.closed.CompareAndSwap(false, true) {
		m.onClose()
	}
	return m.Conn.Close()
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
	return &measured{Conn: conn, in: &l.books.wireIn, out: &l.books.wireOut}, nil
}

// dial opens one tunnelled connection.
func (t *tunnels) dial(ctx context.Context, key, address string) (net.Conn, error) {
	conn, err := t.server.Dialer(key)(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	t.books.connsOpened.Add(1)
	t.books.connsOpen.Add(1)
	return &measured{Conn: conn, in: &t.books.tunnelIn, out: &t.books.tunnelOut, onClose: func() { t.books.connsOpen.Add(-1) }}, nil
}

// awaitSession waits for the session that an admitted upgrade becomes.
func (t *tunnels) awaitSession(key string, limit time.Duration) bool {
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if t.server.HasSession(key) {
			return true
		}
	}
	return false
}
