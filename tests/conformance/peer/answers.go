package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

func (r *run) lost(one *step, err error) {
	if r.l.excused("main", err) {
		r.l.on.books.excused("requests lost with their tunnel", err)
	} else {
		r.l.on.books.unexcused("request lost", err, fmt.Sprintf("%s %s: %v", one.Method, one.Path, err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over && !r.retry(one, lostRetryAfter) {
		r.finished(one)
	}
}

func (r *run) retry(one *step, delay time.Duration) bool {
	if r.tries[one.ID]++; r.tries[one.ID] > mostTries {
		return false
	}
	r.again(one, delay)
	return true
}

func (r *run) answered(one *step, path string, status int, answer []byte) {
	if status != one.Status && status == 409 && one.Method == "PUT" {
		r.conflict(one, path)
		return
	}
	either := one.Method == "POST" && (status == 409 || status == 201) && (one.Status == 409 || one.Status == 201)
	if status != one.Status && !either {
		r.l.on.books.fail("unexpected status", fmt.Sprintf("%s %s: %d where %d was recorded: %.200s", one.Method, path, status, one.Status, answer))
	}
	if status < 300 {
		r.learn(one, path, answer)
	} else if either {
		r.lookUp(one, path)
	}
	r.finish(one)
}

// lookUp asks for an object that exists already: whoever created it, or a lost answer, told us nothing of it.
func (r *run) lookUp(one *step, path string) {
	r.mu.Lock()
	var sent struct{ Metadata struct{ Name string } }
	body := fill(string(one.Body), escaped(r.value))
	known := r.over || json.Unmarshal([]byte(body), &sent) != nil || sent.Metadata.Name == "" || !r.wanted[path+"/"+sent.Metadata.Name] ||
		r.objects[path+"/"+sent.Metadata.Name] != nil
	headers := map[string]string{"Authorization": "Bearer " + r.secret(one), "User-Agent": r.l.userAgent(), "Accept": "application/json"}
	r.mu.Unlock()
	if known {
		return
	}
	status, answer, err := r.l.ask(r.l.lane(one.Conn+r.lanes), question{"GET", path + "/" + sent.Metadata.Name, "", headers, nil, true})
	if err == nil && status == 200 {
		r.saw(decoded(answer))
	}
}

// conflict asks for the object again, then makes the change again.
func (r *run) conflict(one *step, path string) {
	r.l.on.books.tunnel("conflicts retried")
	time.Sleep(retryAfter)
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		return
	}
	headers := map[string]string{}
	for name, value := range r.script.Headers[one.Headers] {
		if name != "Content-Type" {
			headers[name] = strings.Replace(fill(value, r.value), "REDACTED", r.secret(one), 1)
		}
	}
	r.mu.Unlock()
	status, answer, err := r.l.ask(r.l.lane(one.Conn+r.lanes), question{"GET", path, "", headers, nil, true})
	if err == nil && status == 200 {
		r.saw(decoded(answer))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over && !r.retry(one, 0) {
		r.finished(one)
	}
}
