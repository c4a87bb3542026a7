package conformance

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// fresh asks /readyz over a connection of its own, as each of Rancher 2.15's short-lived clients does.
func fresh(r *rancher, key string) error {
	transport, err := rest.TransportFor(r.config(key))
	if err != nil {
		return err
	}
	client := http.Client{Transport: transport, Timeout: 45 * time.Second}
	defer utilnet.CloseIdleConnectionsFor(transport) // the client's own method does not see through client-go's wrappers
	response, err := client.Get("https://" + r.config(key).Host[len("https://"):] + "/readyz?timeout=45s")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || string(body) != "ok" {
		return fmt.Errorf("readyz: %d %q %v", response.StatusCode, body, err)
	}
	return nil
}

// drained waits until our side of the tunnel has forgotten every connection that is over.
func drained(t *testing.T, d *driver, key string) {
	t.Helper()
	eventually(t, 10*time.Second, "no connection is left", func() bool { return d.ask("status").Connections[key] == 0 })
}

func TestThousandConnectionsInSequence(t *testing.T) {
	r, d, key := cluster(t)
	for i := range 1000 {
		if err := fresh(r, key); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	drained(t, d, key)
}

func TestTwoHundredConnectionsAtOnce(t *testing.T) {
	r, d, key := cluster(t)
	var group sync.WaitGroup
	failures := make(chan error, 200)
	for range 200 {
		group.Go(func() {
			if err := fresh(r, key); err != nil {
				failures <- err
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	drained(t, d, key)
}

// abort opens a tunnelled connection, goes so far, and drops it.
func abort(r *rancher, key string, how func(net.Conn) error) error {
	config := r.config(key)
	conn, err := config.Dial(context.Background(), "tcp", config.Host[len("https://"):])
	if err != nil {
		return err
	}
	defer conn.Close()
	return how(conn)
}

func TestAbortedConnectionsLeaveNothing(t *testing.T) {
	r, d, key := cluster(t)
	handshake := func(conn net.Conn) (*tls.Conn, error) {
		client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		return client, client.Handshake()
	}
	ways := map[string]func(net.Conn) error{
		"before any byte":        func(net.Conn) error { return nil },
		"garbage instead of TLS": func(c net.Conn) error { _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); return err },
		"half a TLS record":      func(c net.Conn) error { _, err := c.Write([]byte{22, 3, 1, 2, 0, 1, 0}); return err },
		"after the handshake":    func(c net.Conn) error { _, err := handshake(c); return err },
		"in the middle of a request": func(c net.Conn) error {
			return write(handshake, c, "POST /api/v1/namespaces HTTP/1.1\r\nContent-Length: 500\r\n\r\n{")
		},
		"with a watch running": func(c net.Conn) error {
			return write(handshake, c, "GET /api/v1/namespaces?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n")
		},
		"with an answer under way": func(c net.Conn) error {
			return write(handshake, c, "GET /openapi/v3/api/v1 HTTP/1.1\r\nHost: a\r\n\r\n")
		},
	}
	for name, how := range ways {
		for range 20 {
			if err := abort(r, key, how); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	drained(t, d, key)
	if err := fresh(r, key); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func write(handshake func(net.Conn) (*tls.Conn, error), conn net.Conn, text string) error {
	client, err := handshake(conn)
	if err != nil {
		return err
	}
	_, err = io.WriteString(client, text)
	return err
}

func TestAnotherAddressIsRefusedAsAFailedDial(t *testing.T) {
	r, d, key := cluster(t)
	conn, err := r.config(key).Dial(context.Background(), "tcp", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err) // remotedialer acknowledges nothing: the refusal comes as the connection's end
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection to an address that is not the API's was served")
	}
	conn.Close()
	drained(t, d, key)
}
