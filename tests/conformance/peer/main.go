// Command peer plays Rancher's side of many imported clusters with Rancher's own libraries: REST for registration,
// remotedialer's server, client-go's reflectors, the recorded requests of an import, both probes. It keeps books of
// all that it saw, so that they can be compared with the load generator's. It is not Rancher and says nothing of its speed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"syscall"
	"time"

	"crypto/tls"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

const (
	version   = "2.15.0"
	paceEvery = 5 * time.Second
)

// settings are the command line.
type settings struct {
	port, admin, procs, gogc int
	memoryMiB, garbageMiB    int64
	data, ready, directory   string
	period                   time.Duration
	hurry                    bool
}

func flags() settings {
	var s settings
	flag.IntVar(&s.port, "port", 0, "port of loopback for Rancher's side (0: any)")
	flag.IntVar(&s.admin, "admin-port", 0, "port of loopback for the books (0: any)")
	flag.IntVar(&s.procs, "procs", 1, "GOMAXPROCS")
	flag.Int64Var(&s.memoryMiB, "memory-mib", 6144, "GOMEMLIMIT in MiB")
	flag.IntVar(&s.gogc, "gogc", 400, "GOGC at most")
	flag.Int64Var(&s.garbageMiB, "garbage-mib", 512, "garbage at most: GOGC falls to 50 as the heap grows")
	flag.StringVar(&s.data, "data", "", "directory of the stand-in's recorded questions")
	flag.StringVar(&s.ready, "ready-file", "", "where to say url, cacert, token, admin and pid when ready (JSON)")
	flag.StringVar(&s.directory, "directory", os.TempDir(), "where to write the authority's certificate")
	flag.BoolVar(&s.hurry, "hurry", false, "close an import's idle connections as soon as it is through, not after their 90 s")
	flag.DurationVar(&s.period, "period", 15*time.Second, "period of the probes")
	flag.Parse()
	return s
}

func main() {
	s := flags()
	runtime.GOMAXPROCS(s.procs)
	debug.SetMemoryLimit(s.memoryMiB << 20)
	debug.SetGCPercent(s.gogc)
	go pace(s)
	logrus.SetLevel(logrus.PanicLevel)
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	if err := serve(s); err != nil {
		log.Fatal(err)
	}
}

// pace keeps the garbage between two collections in bounds: with little live heap GOGC 400 (at 100 a sixth of a ramp's CPU
// was collection, 80 clusters), at 50 from 1 GiB on.
func pace(s settings) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for now := s.gogc; ; time.Sleep(paceEvery) {
		metrics.Read(live)
		if next := percent(s, live[0].Value.Uint64()); next != now {
			now = next
			debug.SetGCPercent(now)
		}
	}
}

// percent is GOGC for a live heap, in steps of 25: each change is a stop of the world.
func percent(s settings, live uint64) int {
	fits := int(uint64(s.garbageMiB) << 20 * 100 / max(live, 1))
	return min(s.gogc, max(50, fits/25*25))
}

func serve(s settings) error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	caFile := filepath.Join(s.directory, fmt.Sprintf("peer-%d-ca.pem", os.Getpid()))
	if err := os.WriteFile(caFile, authority.pem, 0o600); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.admin))
	if err != nil {
		return err
	}
	p, err := newPeer(s, "https://"+listener.Addr().String(), string(authority.pem))
	if err != nil {
		return err
	}
	go http.Serve(admin, p.admin())
	server := &http.Server{Handler: p.service.routes(p.tunnels), ErrorLog: log.New(p, "", 0), ConnContext: withConn, ConnState: p.books.stateChanged, ReadHeaderTimeout: time.Minute}
	config := &tls.Config{Certificates: []tls.Certificate{authority.certificate}, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true}
	go server.Serve(tls.NewListener(measuredListener{listener, p.books}, config))
	if err := sayReady(s, p, caFile, "http://"+admin.Addr().String()); err != nil {
		return err
	}
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGTERM, syscall.SIGINT)
	<-ending
	return nil
}

// Write takes the HTTP server's complaints.
func (p *peer) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "TLS handshake error") && (strings.Contains(string(line), "reset by peer") || strings.Contains(string(line), "EOF")) {
		return len(line), nil // in the books as a cancelled dial
	}
	p.books.fail("http server", string(line))
	return len(line), nil
}

func sayReady(s settings, p *peer, caFile, admin string) error {
	facts, err := json.Marshal(map[string]any{"url": p.service.url, "cacert": caFile, "token": p.service.token, "admin": admin, "pid": os.Getpid(), "version": version})
	if err != nil || s.ready == "" {
		fmt.Println(string(facts))
		return err
	}
	if err := os.WriteFile(s.ready+".new", append(facts, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(s.ready+".new", s.ready)
}
