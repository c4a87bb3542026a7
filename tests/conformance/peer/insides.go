package main

import (
	"bytes"
	"crypto/tls"
	"net"
	"reflect"
	"sync"
	"unsafe"
)

// inbox is what remotedialer keeps of a connection's unread bytes. It and crypto/tls keep their buffers at the size of
// the biggest message ever: of 740 KB of heap per cluster 310 were such empty buffers of idle watches. They are found by
// name, so that another version of either, with other names, only costs that memory: then there is no inbox.
type inbox struct {
	cond *sync.Cond
	buf  *bytes.Buffer
	err  *error
}

func inboxOf(conn net.Conn) *inbox {
	outer := reflect.ValueOf(conn)
	if outer.Kind() != reflect.Pointer || outer.Elem().Kind() != reflect.Struct {
		return nil
	}
	buffer := outer.Elem().FieldByName("buffer")
	if !buffer.IsValid() || buffer.Kind() != reflect.Pointer || buffer.IsNil() || buffer.Elem().Kind() != reflect.Struct {
		return nil
	}
	about, start := buffer.Elem().Type(), buffer.UnsafePointer()
	cond, buf, err := field[sync.Cond](about, start, "cond"), field[bytes.Buffer](about, start, "buf"), field[error](about, start, "err")
	if cond == nil || buf == nil || err == nil {
		return nil
	}
	return &inbox{cond, buf, err}
}

// field is where a struct has a field of this name and type; nil where it has none.
func field[T any](about reflect.Type, start unsafe.Pointer, name string) *T {
	found, ok := about.FieldByName(name)
	if !ok || found.Type != reflect.TypeFor[T]() {
		return nil
	}
	return (*T)(unsafe.Add(start, found.Offset))
}

// records are the buffers of a TLS connection: records as they came, what was decrypted of them, handshake messages.
type records struct {
	raw, hand *bytes.Buffer
	input     *bytes.Reader
}

func recordsOf(conn *tls.Conn) *records {
	about, start := reflect.TypeFor[tls.Conn](), unsafe.Pointer(conn)
	raw, hand := field[bytes.Buffer](about, start, "rawInput"), field[bytes.Buffer](about, start, "hand")
	input := field[bytes.Reader](about, start, "input")
	if raw == nil || hand == nil || input == nil {
		return nil
	}
	return &records{raw, hand, input}
}

func (r *records) empty() bool { return r.raw.Len() == 0 && r.input.Len() == 0 }

// shed gives the buffers back; only while nobody reads.
func (r *records) shed() {
	if r.empty() {
		*r.raw, *r.input = bytes.Buffer{}, bytes.Reader{}
	}
	if r.hand.Len() == 0 {
		*r.hand = bytes.Buffer{}
	}
}
