package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// watchTransport is what a reflector's client asks through: Rancher's headers, and the books.
type watchTransport struct {
	l    *life
	lane *lane
}

func (t *watchTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", t.l.userAgent())
	request.Header.Set("Authorization", "Bearer "+t.l.token())
	verb, resource := verbAndResource(request.Method, request.URL.Path, request.URL.RawQuery)
	books := t.l.on.books
	reply, err := t.lane.exchange(request, verb, resource)
	if err != nil {
		if t.l.excused("main", err) || request.Context().Err() != nil {
			books.excused("watches not begun for want of a tunnel", err)
		} else {
			books.unexcused("watch", err, err.Error())
		}
		return nil, err
	}
	books.request(requestKey{verb, resource, reply.StatusCode}, 0, 0)
	if verb != "watch" || reply.StatusCode != 200 {
		return plainly(reply)
	}
	if under, ok := reply.Body.(*answerBody); ok {
		under.patient = true
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
				books.brokenWatch(err)
			}
		},
	}
	return reply, nil
}

// plainly unpacks a list's answer, as net/http's transport does for who did not ask for it to be packed.
func plainly(reply *http.Response) (*http.Response, error) {
	if reply.Header.Get("Content-Encoding") != "gzip" {
		return reply, nil
	}
	_, raw, err := packed(reply)
	if err != nil {
		return nil, err
	}
	reply.Header.Del("Content-Encoding")
	reply.Header.Del("Content-Length")
	reply.Body, reply.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	return reply, nil
}

func packed(reply *http.Response) (int, []byte, error) {
	defer reply.Body.Close()
	raw, err := io.ReadAll(reply.Body)
	if err != nil {
		return 0, nil, err
	}
	return unzipped(reply.StatusCode, raw)
}

// brokenWatch books a watch that ended before its time; its request was answered and is in the books.
func (b *books) brokenWatch(err error) {
	if strings.Contains(err.Error(), "sync from client") {
		b.tunnel("watches " + droppedBySync)
		return
	}
	b.fail("watch broken", err.Error())
}
