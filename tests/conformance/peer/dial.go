package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

const handshakeLimit = 10 * time.Second

// trust verifies the certificates of one authority for one host. What was verified once is only compared: of the CPU of
// an import 5 % were chains of the same certificate.
type trust struct {
	pool     *x509.CertPool
	host     string
	verified atomic.Pointer[x509.Certificate]
}

func (t *trust) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("no certificate")
	}
	leaf, now := state.PeerCertificates[0], time.Now()
	if known := t.verified.Load(); known != nil && bytes.Equal(known.Raw, leaf.Raw) && now.Before(leaf.NotAfter) {
		return nil
	}
	between := x509.NewCertPool()
	for _, one := range state.PeerCertificates[1:] {
		between.AddCert(one)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: t.pool, DNSName: t.host, Intermediates: between, CurrentTime: now})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	t.verified.Store(leaf)
	return nil
}

// tlsConfig is shared by all clusters of one authority and address.
func (s *shared) tlsConfig(params agentParams) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(params.Address)
	if err != nil {
		return nil, err
	}
	s.tlsMu.Lock()
	defer s.tlsMu.Unlock()
	if known := s.tls[host+params.CACert]; known != nil {
		return known, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(params.CACert)) {
		return nil, fmt.Errorf("no certificate in the agent's caCert")
	}
	about := &trust{pool: pool, host: host}
	made := &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, VerifyConnection: about.verify} // the same check, remembered
	s.tls[host+params.CACert] = made
	return made, nil
}

// dial opens a connection of the main tunnel to the cluster's API server.
func (l *life) dial(ctx context.Context) (*kept, error) {
	l.mu.Lock()
	address := l.params.Address
	l.mu.Unlock()
	l.awaitTunnel(ctx)
	raw, err := l.on.tunnels.dial(ctx, l.c.id, address)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	conn := tls.Client(raw, l.config)
	overdue := time.AfterFunc(handshakeLimit, func() { raw.Close() }) // net/http's default, as client-go has it
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err = conn.Handshake()
	if !overdue.Stop() && err != nil {
		err = errors.New("timeout")
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		raw.Close()
		l.on.books.failedHandshake(err)
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	l.on.books.handshakes.Add(1)
	l.on.books.took("tls_handshake", began)
	return newKept(raw, conn), nil
}

// awaitTunnel waits as Rancher's dialer factory does for a cluster that is not there: four times five to ten seconds.
func (l *life) awaitTunnel(ctx context.Context) {
	for range 4 {
		if l.on.tunnels.server.HasSession(l.c.id) {
			return
		}
		wait := time.NewTimer(seconds(5 + 5*rand.Float64()))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// lane is the recorded connection of this number.
func (l *life) lane(number int) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.lanes[number]; known != nil {
		return known
	}
	made := &lane{books: l.on.books, dial: l.dial}
	if l.on.imports[l.c.path].pooled[number] {
		made.spare = l.spare
	}
	l.lanes[number] = made
	return made
}

// spare is an idle connection of any lane of Rancher's that no watch will need.
func (l *life) spare() *kept {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.lanes {
		if one.spare == nil {
			continue
		}
		if k, _ := one.own(); k != nil {
			return k
		}
	}
	return nil
}

// watched says whether the lane stays for good: a watch has it, the health probe, or changes.
func (l *life) watched(number int) bool {
	return number == probeLane || number == churnLane || l.on.imports[l.c.path].watchLanes[number]
}

// dropLanes forgets the import's connections: those that are idle close themselves when their time is over, or now if
// there is no time for that.
func (l *life) dropLanes() {
	l.mu.Lock()
	dropped := []*lane{}
	for number, one := range l.lanes {
		if !l.watched(number) {
			dropped = append(dropped, one)
			delete(l.lanes, number)
		}
	}
	l.mu.Unlock()
	for _, one := range dropped {
		if l.on.hurry {
			one.closeIdle(false)
		}
	}
}

// closeLanes closes what is idle; with dead alone what has ended with its tunnel.
func (l *life) closeLanes(dead bool) {
	l.mu.Lock()
	lanes := make([]*lane, 0, len(l.lanes))
	for _, one := range l.lanes {
		lanes = append(lanes, one)
	}
	l.mu.Unlock()
	for _, one := range lanes {
		one.closeIdle(dead)
	}
}
