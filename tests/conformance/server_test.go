package conformance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/rancher/remotedialer"
	"github.com/sirupsen/logrus"
	"k8s.io/client-go/rest"
)

// rancher is the tunnel side of Rancher: registration endpoint, agent helpers, import manifest.
type rancher struct {
	t        *testing.T
	address  string
	caPEM    []byte
	cert     tls.Certificate
	mu       sync.Mutex
	params   map[string]clusterParams // by session key
	dialer   *remotedialer.Server
	http     *http.Server
	upgrades map[string]int
	sockets  []net.Conn // hijacked by the websockets: http.Server no longer closes these
}

// clusterParams is what the agent sends in X-API-Tunnel-Params.
type clusterParams struct {
	Address string `json:"address"`
	CACert  string `json:"caCert"`
	Token   string `json:"token"`
}

const tokenPrefix = "token-of-"

func init() { logrus.SetLevel(logrus.PanicLevel) }

func newRancher(t *testing.T) *rancher {
	t.Helper()
	r := &rancher{t: t, params: map[string]clusterParams{}, upgrades: map[string]int{}}
	r.caPEM, r.cert = authority(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = listener.Addr().String()
	r.serve(listener)
	t.Cleanup(r.stop)
	return r
}

func (r *rancher) url() string { return "https://" + r.address }

func (r *rancher) serve(listener net.Listener) {
	r.dialer = remotedialer.New(r.authorize, remotedialer.DefaultErrorWriter)
	mux := http.NewServeMux()
	mux.Handle("/v3/connect/register", r.dialer)
	mux.Handle("/v3/connect", r.dialer)
	mux.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pong") })
	mux.HandleFunc("/v3/settings/cacerts", r.cacerts)
	mux.HandleFunc("/v3/import/", r.manifest)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	r.http = &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0), ConnState: r.hijacked}
	go r.http.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{r.cert}}))
}

// stop ends the server and every hijacked websocket, as a Rancher that dies.
func (r *rancher) stop() {
	if r.http == nil {
		return
	}
	r.http.Close()
	r.http = nil
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, socket := range r.sockets {
		socket.Close()
	}
	r.sockets = nil
}

func (r *rancher) hijacked(conn net.Conn, state http.ConnState) {
	if state == http.StateHijacked {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sockets = append(r.sockets, conn)
	}
}

// authorize follows pkg/tunnelserver: the main tunnel's key is the cluster, the second's is prefixed.
func (r *rancher) authorize(req *http.Request) (string, bool, error) {
	if bearer, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer stv-cluster-"+tokenPrefix); ok {
		r.count("stv-cluster-" + bearer)
		return "stv-cluster-" + bearer, true, nil
	}
	key, ok := strings.CutPrefix(req.Header.Get("X-API-Tunnel-Token"), tokenPrefix)
	if !ok {
		return "", false, errors.New("cluster not found")
	}
	raw, err := base64.StdEncoding.DecodeString(req.Header.Get("X-API-Tunnel-Params"))
	if err != nil {
		return "", false, err
	}
	var body struct {
		Cluster clusterParams `json:"cluster"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return "", false, err
	}
	r.mu.Lock()
	r.params[key] = body.Cluster
	r.mu.Unlock()
	r.count(key)
	return key, true, nil
}

func (r *rancher) count(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.upgrades[key]++
}

func (r *rancher) cacerts(w http.ResponseWriter, _ *http.Request) {
	json.NewEncoder(w).Encode(map[string]string{"id": "cacerts", "value": string(r.caPEM)})
}

func (r *rancher) manifest(w http.ResponseWriter, req *http.Request) {
	key := strings.TrimSuffix(strings.TrimPrefix(req.URL.Path, "/v3/import/"), ".yaml")
	tmpl, err := template.ParseFiles(filepath.Join("testdata", "manifest.yaml.tmpl"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(append(bytes.TrimRight(r.caPEM, "\n"), '\n'))
	credentials := sha256.Sum256([]byte(r.url() + "." + tokenPrefix + key + "."))
	w.Header().Set("Content-Type", "text/plain")
	tmpl.Execute(w, map[string]string{
		"URL": r.url(), "URLBase64": base64.StdEncoding.EncodeToString([]byte(r.url())),
		"TokenBase64": base64.StdEncoding.EncodeToString([]byte(tokenPrefix + key)),
		"CAChecksum":  hex.EncodeToString(sum[:]), "Key": hex.EncodeToString(credentials[:])[:10],
	})
}

// config is Rancher's rest.Config for a cluster (clustermanager ToRESTConfig): the agent's address, authority and token.
func (r *rancher) config(key string) *rest.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	params, ok := r.params[key]
	if !ok {
		r.t.Fatalf("cluster %s never registered", key)
	}
	ca, err := base64.StdEncoding.DecodeString(params.CACert)
	if err != nil {
		r.t.Fatalf("caCert of %s is not base64: %v", key, err)
	}
	dial := r.dialer.Dialer(key)
	return &rest.Config{
		Host: "https://" + params.Address, BearerToken: params.Token, QPS: -1, Timeout: 45 * time.Second,
		TLSClientConfig: rest.TLSClientConfig{CAData: append(ca, []byte("\n"+key)...), NextProtos: []string{"http/1.1"}},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dial(ctx, network, address)
		},
	}
}

// awaitSession waits until the key has a tunnel.
func (r *rancher) awaitSession(key string, timeout time.Duration) {
	r.t.Helper()
	eventually(r.t, timeout, "session "+key, func() bool { return r.dialer.HasSession(key) })
}

// eventually polls a condition that another process brings about, with a deadline.
func eventually(t *testing.T, timeout time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("not within %s: %s", timeout, what)
}

// authority makes a self-signed authority that is its own server certificate, valid for loopback.
func authority(t *testing.T) ([]byte, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conformance"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (r *rancher) caFile() string {
	path := filepath.Join(r.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, r.caPEM, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}
