package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
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

// watchTransport is what a reflector's client asks through: Rancher's headers, and the books.
type watchTransport struct {
	l    *life
	lane http.RoundTripper
}

func (t *watchTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", t.l.userAgent())
	request.Header.Set("Authorization", "Bearer "+t.l.token())
	verb, resource := verbAndResource(request.Method, request.URL.Path, request.URL.RawQuery)
	books := t.l.on.books
	reply, err := books.traced(t.lane, request, verb, resource)
	if err != nil {
		books.request(requestKey{verb, resource, 0}, 0, 0)
		if t.l.excused("main", err) || request.Context().Err() != nil {
			books.tunnel("watches not begun for want of a tunnel")
		} else {
			books.fail("watch", err.Error())
		}
		return nil, err
	}
	books.request(requestKey{verb, resource, reply.StatusCode}, 0, 0)
	if verb != "watch" || reply.StatusCode != 200 {
		return reply, nil
	}
	books.watchesOpened.Add(1)
	books.watchesOpen.Add(1)
	t.l.resumed()
	reply.Body = &frames{
		ReadCloser: reply.Body, protobuf: strings.HasPrefix(reply.Header.Get("Content-Type"), "application/vnd.kubernetes.protobuf"),
		count: func(kind string) { books.events[kind].Add(1) },
		ended: func(err error) {
			books.watchesOpen.Add(-1)
			if err == nil || err == io.EOF || request.Context().Err() != nil {
				return
			}
			if t.l.excused("main", err) {
				books.tunnel("watches lost with their tunnel")
			} else {
				books.fail("watch broken", err.Error())
			}
		},
	}
	return reply, nil
}
