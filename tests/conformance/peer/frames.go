package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

// eventKinds are what a watch's frame can say; "other" should never be seen.
var eventKinds = []string{"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "other"}

const headBytes = 24

// frames counts the events of a watch's body while client-go reads it: a glance at each frame's type, no decoding.
type frames struct {
	io.ReadCloser
	protobuf bool
	count    func(kind string)
	ended    func(err error)
	head     [headBytes]byte
	have     int
	left     int
}

func (f *frames) Read(b []byte) (int, error) {
	n, err := f.ReadCloser.Read(b)
	if f.protobuf {
		f.lengths(b[:n])
	} else {
		f.lines(b[:n])
	}
	if err != nil && f.ended != nil {
		f.ended(err)
		f.ended = nil
	}
	return n, err
}

func (f *frames) Close() error {
	if f.ended != nil {
		f.ended(nil)
		f.ended = nil
	}
	return f.ReadCloser.Close()
}

// keep puts the beginning of a frame aside until its type can be read.
func (f *frames) keep(b []byte) {
	f.have += copy(f.head[f.have:], b)
}

// lengths reads frames of four bytes of length and a WatchEvent whose first field is the type.
func (f *frames) lengths(b []byte) {
	for len(b) > 0 {
		if f.left == 0 {
			take := min(4-f.have, len(b))
			f.keep(b[:take])
			b = b[take:]
			if f.have == 4 {
				f.left, f.have = int(binary.BigEndian.Uint32(f.head[:4])), 0
			}
			continue
		}
		take := min(f.left, len(b))
		f.keep(b[:take])
		b = b[take:]
		if f.left -= take; f.left == 0 {
			f.count(typeOfProtobuf(f.head[:f.have]))
			f.have = 0
		}
	}
}

func typeOfProtobuf(head []byte) string {
	if len(head) > 2 && head[0] == 0x0a && int(head[1])+2 <= len(head) {
		return known(string(head[2 : 2+head[1]]))
	}
	return "other"
}

// lines reads JSON events, one a line: {"type":"ADDED",...
func (f *frames) lines(b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			f.keep(b)
			return
		}
		f.keep(b[:end])
		_, rest, _ := strings.Cut(string(f.head[:f.have]), `"type":"`)
		kind, _, _ := strings.Cut(rest, `"`)
		f.count(known(kind))
		f.have, b = 0, b[end+1:]
	}
}

func known(kind string) string {
	if has(eventKinds, kind) {
		return kind
	}
	return "other"
}
