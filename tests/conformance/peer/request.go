package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

func (r *run) prepared(one *step) (path, query string, headers map[string]string, body []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return "", "", nil, nil, errors.New("over")
	}
	path = fill(one.Path, r.value)
	values := url.Values{}
	for name, value := range one.Query {
		values.Set(name, fill(fmt.Sprint(value), r.value))
	}
	if body, err = r.body(one, path); err != nil {
		return
	}
	headers = map[string]string{}
	for name, value := range r.script.Headers[one.Headers] {
		if name != "Content-Type" || len(body) > 0 {
			headers[name] = strings.Replace(fill(value, r.value), "REDACTED", r.secret(one), 1)
		}
	}
	if one.Client == "kubectl" {
		headers["X-Forwarded-Uri"] = "/k8s/clusters/" + r.l.c.id + path
	}
	if headers["User-Agent"] == "" { // the recording of /v3 has none
		headers["User-Agent"] = r.l.userAgent()
	}
	if headers["Authorization"] == "" {
		headers["Authorization"] = "Bearer " + r.secret(one)
	}
	return path, values.Encode(), headers, body, nil
}

func (r *run) secret(one *step) string {
	if one.Client == "kubectl" && r.account != "" {
		return r.account
	}
	return r.l.token()
}

func (r *run) body(one *step, path string) ([]byte, error) {
	raw := []byte(one.Body)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '"' {
		var text string
		err := json.Unmarshal(raw, &text)
		return []byte(fill(text, r.value)), err
	}
	filled := []byte(fill(string(raw), escaped(r.value)))
	if one.Change {
		changed, err := r.changed(one, path, filled)
		if err != nil {
			return nil, err
		}
		filled = changed
	}
	return encodedBody(filled, one.Encoding)
}

func (r *run) changed(one *step, path string, patch []byte) ([]byte, error) {
	current := map[string]any{"metadata": map[string]any{}}
	if known := r.objects[path]; known != nil {
		current = asMap(known)
	}
	var changes map[string]any
	if err := json.Unmarshal(patch, &changes); err != nil {
		return nil, err
	}
	out := merged(current, changes).(map[string]any)
	if one.Stale {
		old := r.before[path]
		if old == "" {
			old = "1"
		}
		inside(out, "metadata")["resourceVersion"] = old
	}
	return json.Marshal(out)
}
