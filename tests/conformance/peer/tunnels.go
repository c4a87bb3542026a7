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
	open     map[*websocketOf]bool
}

// websocketOf is one open websocket: whose it is, and when it was dialled.
type websocketOf struct {
	life    *life
	tunnel  string
	conn    net.Conn
	dialled time.Time
	cut     time.Time // by a storm; belongs to the tunnels' lock
}

type connKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

func newTunnels(r *registry, b *books) *tunnels {
	t := &tunnels{registry: r, books: b, open: map[*websocketOf]bool{}}
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
	one := &websocketOf{life: c.life, tunnel: tunnel, conn: conn, dialled: time.Now()}
	if socket := socketOf(conn); socket != nil {
		one.dialled = socket.accepted
	}
	taken, err := hijack(w, t.books, func() {
		t.track(one, true)
		c.life.attached(one, params)
	})
	if err != nil {
		t.books.fail("hijack", err.Error())
		return
	}
	inner := r.WithContext(context.WithValue(context.Background(), sessionKey{}, key))
	go t.serve(taken, inner, one)
}

// serve has a goroutine of its own: the HTTP server's would keep the request and its buffers as long as the session.
func (t *tunnels) serve(taken *hijacked, r *http.Request, one *websocketOf) {
	t.server.ServeHTTP(taken, r)
	taken.conn.Close()
	if !taken.conn.open {
		t.books.abandoned.Add(1)
		return
	}
	if !taken.conn.heard.Load() {
		t.books.upgradesUnheard.Add(1)
	}
	t.track(one, false)
	one.life.detached(one)
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

func (t *tunnels) track(one *websocketOf, on bool) {
	gauge := &t.books.mainOpen
	if one.tunnel == "stv" {
		gauge = &t.books.stvOpen
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if on {
		gauge.Add(1)
		t.books.tunnel(one.tunnel + " opened")
		t.open[one] = true
		return
	}
	gauge.Add(-1)
	t.books.tunnel(one.tunnel + " closed")
	delete(t.open, one)
}

// dial opens one tunnelled connection.
func (t *tunnels) dial(ctx context.Context, key, address string) (*tunnelled, error) {
	conn, err := t.server.Dialer(key)(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return newTunnelled(conn, t.books), nil
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
