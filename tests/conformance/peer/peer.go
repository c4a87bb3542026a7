package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// peer is the whole process.
type peer struct {
	books   *books
	tunnels *tunnels
	service *service
	shared  *shared
	churn   *churn
	quiet   atomic.Bool
	started time.Time
}

func newPeer(s settings, url, caPEM string) (*peer, error) {
	b := newBooks()
	r := newRegistry(b)
	p := &peer{books: b, tunnels: newTunnels(r, b), started: time.Now()}
	p.shared = &shared{
		registry: r, tunnels: p.tunnels, books: b, url: url, caPEM: caPEM, period: s.period, paused: p.quiet.Load, hurry: s.hurry,
		imports: map[string]*script{}, changes: map[string][]change{}, tls: map[string]*tls.Config{},
	}
	p.churn = &churn{on: p.shared}
	if err := p.shared.read(s.data); err != nil {
		return nil, err
	}
	p.service = &service{registry: r, books: b, url: url, version: version, caPEM: caPEM, token: "token-" + randomName(5) + ":" + randomName(54),
		templates: map[string]answerTemplate{}, begin: p.shared.begin, remove: p.shared.remove}
	return p, load(s.data, "rest-"+version, &p.service.templates)
}

// read loads the recordings of both ways to create a cluster.
func (s *shared) read(directory string) (err error) {
	for _, path := range []string{"steve", "norman"} {
		if s.imports[path], err = loadScript(directory, "import-"+version+"-"+path); err != nil {
			return err
		}
		if s.changes[path], err = loadChanges(directory, "conditions-"+version+"-"+path); err != nil {
			return err
		}
	}
	s.deletion, err = loadScript(directory, "delete-"+version)
	return err
}

// admin is the endpoint for whoever compares the books; loopback only, no secrets.
func (p *peer) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /books", func(w http.ResponseWriter, _ *http.Request) { p.show(w, p.document()) })
	mux.HandleFunc("GET /states", func(w http.ResponseWriter, _ *http.Request) { p.show(w, p.states()) })
	mux.HandleFunc("POST /gc", func(w http.ResponseWriter, _ *http.Request) { runtime.GC(); p.show(w, p.process()) })
	mux.HandleFunc("POST /pause", func(w http.ResponseWriter, _ *http.Request) { p.quiet.Store(true); p.show(w, p.books.inFlight.Load()) })
	mux.HandleFunc("POST /go-on", func(w http.ResponseWriter, _ *http.Request) { p.quiet.Store(false); p.show(w, true) })
	mux.HandleFunc("POST /storm", func(w http.ResponseWriter, r *http.Request) {
		share, err := strconv.ParseFloat(r.URL.Query().Get("share"), 64)
		if err != nil {
			share = 1
		}
		p.show(w, map[string]int{"cut": p.tunnels.storm(share)})
	})
	mux.HandleFunc("POST /churn", func(w http.ResponseWriter, r *http.Request) {
		rate, err := strconv.ParseFloat(r.URL.Query().Get("rate"), 64)
		if err != nil || !(rate >= 0 && rate <= 1e6) {
			http.Error(w, "rate: changes per second, 0 to end", http.StatusBadRequest)
			return
		}
		p.churn.set(rate)
		p.show(w, map[string]float64{"rate": rate})
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	return mux
}

func (p *peer) show(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(what)
}

func (p *peer) document() map[string]any {
	out := p.books.document()
	out["process"] = p.process()
	return out
}

// states counts clusters by what lists show, and what those wait for that are not imported yet.
func (p *peer) states() map[string]any {
	counts, importing, examples := map[string]int{}, 0, []string{}
	for _, c := range p.shared.registry.all() {
		shown := p.shared.registry.show(c)
		counts[summarize(shown.conditions, !shown.removed.IsZero()).name]++
		if run := c.life.current(); run != nil {
			if left, waits := run.remaining(); left > 0 {
				importing++
				if len(examples) < 5 {
					examples = append(examples, fmt.Sprintf("%s: %d left, waits for %s", c.id, left, strings.Join(waits, " ")))
				}
			}
		}
	}
	return map[string]any{"states": counts, "importing": importing, "examples": examples}
}

// process is what this process costs.
func (p *peer) process() map[string]any {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	pages, _ := os.ReadFile("/proc/self/statm")
	resident := int64(0)
	if fields := strings.Fields(string(pages)); len(fields) > 1 {
		resident, _ = strconv.ParseInt(fields[1], 10, 64)
	}
	descriptors, _ := os.ReadDir("/proc/self/fd")
	return map[string]any{"pid": os.Getpid(), "goroutines": runtime.NumGoroutine(), "rss_bytes": resident * int64(os.Getpagesize()),
		"heap_bytes": memory.HeapAlloc, "stack_bytes": memory.StackInuse, "gc_cycles": memory.NumGC,
		"descriptors": len(descriptors), "uptime_s": time.Since(p.started).Seconds()}
}

// authority is its own server certificate, valid for loopback.
type authority struct {
	pem         []byte
	certificate tls.Certificate
}

func newAuthority() (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "peer"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return authority{}, err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return authority{encoded, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, nil
}
