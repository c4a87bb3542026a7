package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	retryAfter     = 200 * time.Millisecond
	lostRetryAfter = time.Second
	mostTries      = 50
)

// run plays one script against one cluster. What it remembers is dropped when the last request was answered.
type run struct {
	l       *life
	script  *script
	lanes   int
	started time.Time
	onDone  func(started time.Time)

	mu       sync.Mutex
	over     bool
	unmet    []int
	done     []bool
	left     int
	anchors  map[string]time.Time
	waiting  map[string][]int
	wanted   map[string]bool
	objects  map[string]runtime.Object
	before   map[string]string
	names    map[int]string
	hashes   map[string]string
	account  string
	tries    map[int]int
	unsynced int
}

func newRun(l *life, s *script, lanes int, onDone func(time.Time)) *run {
	r := &run{
		l: l, script: s, lanes: lanes, onDone: onDone, started: time.Now(), left: s.requests, unsynced: len(s.firstWatches),
		unmet: make([]int, len(s.Steps)), done: make([]bool, len(s.Steps)), anchors: map[string]time.Time{}, waiting: map[string][]int{},
		wanted: map[string]bool{}, objects: map[string]runtime.Object{}, before: map[string]string{}, names: map[int]string{},
		hashes: map[string]string{}, tries: map[int]int{},
	}
	for _, path := range s.wanted {
		r.wanted[fill(path, r.own)] = true
	}
	for _, one := range s.Steps {
		r.unmet[one.ID] = len(one.After) + len(one.Needs) + 1
		for _, need := range append([]string{one.Anchor}, one.Needs...) {
			need = fill(need, r.own)
			r.waiting[need] = append(r.waiting[need], one.ID)
		}
	}
	return r
}

// signal says that something steps wait for is true; repeated calls do nothing. A nil run hears nothing.
func (r *run) signal(fact string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fact(fact)
}

func (r *run) fact(fact string) {
	if r.over {
		return
	}
	if _, known := r.anchors[fact]; known {
		return
	}
	r.anchors[fact] = time.Now()
	for _, number := range r.waiting[fact] {
		r.met(number)
	}
	delete(r.waiting, fact)
}

func (r *run) met(number int) {
	if r.unmet[number]--; r.unmet[number] > 0 {
		return
	}
	one := r.script.Steps[number]
	due := r.anchors[fill(one.Anchor, r.own)].Add(seconds(one.At))
	r.again(one, time.Until(due))
}

func (r *run) again(one *step, delay time.Duration) {
	time.AfterFunc(max(delay, 0), func() { r.send(one) })
}

func (r *run) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
}

func (r *run) forget() {
	r.over = true
	r.unmet, r.done, r.anchors, r.waiting, r.wanted, r.objects, r.before, r.names, r.hashes, r.tries = nil, nil, nil, nil, nil, nil, nil, nil, nil, nil
}

func (r *run) send(one *step) {
	if r.stopped() {
		return
	}
	if one.Watch {
		r.finishWatch(one)
		r.l.watch(r, one)
		return
	}
	path, query, headers, body, err := r.prepared(one)
	if err != nil {
		r.l.on.books.fail("script", fmt.Sprintf("%s %s: %v", one.Method, one.Path, err))
		r.finish(one)
		return
	}
	began := time.Now()
	status, answer, err := r.l.ask(r.l.lane(one.Conn+r.lanes), one.Method, path, query, headers, body)
	if r.stopped() {
		return
	}
	if err != nil {
		r.lost(one, err)
		return
	}
	r.l.on.books.took("request", began)
	r.answered(one, path, status, answer)
}

func (r *run) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over || r.l.ctx.Err() != nil
}

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

// ask makes one request and reads the whole answer; it is in the books when it is complete.
func (l *life) ask(lane *http.Transport, method, path, query string, headers map[string]string, body []byte) (int, []byte, error) {
	l.on.books.inFlight.Add(1)
	defer l.on.books.inFlight.Add(-1)
	ctx, cancel := context.WithTimeout(l.ctx, answerLimit)
	defer cancel()
	l.mu.Lock()
	target := url.URL{Scheme: "https", Host: l.params.Address, Path: path, RawQuery: query}
	l.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if len(body) == 0 {
		request.Body, request.GetBody = nil, nil
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	verb, resource := verbAndResource(method, path, query)
	reply, err := l.on.books.traced(lane, request, verb, resource)
	if err != nil {
		l.on.books.request(requestKey{verb, resource, 0}, int64(len(body)), 0)
		return 0, nil, err
	}
	defer reply.Body.Close()
	raw, err := io.ReadAll(reply.Body)
	if err != nil {
		l.on.books.request(requestKey{verb, resource, 0}, int64(len(body)), int64(len(raw)))
		return 0, nil, err
	}
	l.on.books.request(requestKey{verb, resource, reply.StatusCode}, int64(len(body)), int64(len(raw)))
	if reply.Header.Get("Content-Encoding") == "gzip" && len(raw) > 0 {
		return unzipped(reply.StatusCode, raw)
	}
	return reply.StatusCode, raw, nil
}

// traced makes a request and books as lost what net/http asked again by itself: a GET on a kept connection that died
// before the first byte of its answer. The other side may have answered both.
func (b *books) traced(lane http.RoundTripper, request *http.Request, verb, resource string) (*http.Response, error) {
	var asked atomic.Int64
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { asked.Add(1) }}
	reply, err := lane.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	for again := asked.Load(); again > 1; again-- {
		b.request(requestKey{verb, resource, 0}, 0, 0)
		b.tunnel("asked again by net/http")
	}
	return reply, err
}

func unzipped(status int, raw []byte) (int, []byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return status, nil, err
	}
	out, err := io.ReadAll(reader)
	return status, out, err
}

// kindOfLoss names what went wrong. remotedialer's server drops a connection that it has just opened when the client's
// SyncConnections was written before the client read the Connect: the later the client reads, the more of them.
func kindOfLoss(kind string, err error) string {
	switch {
	case strings.Contains(err.Error(), "sync from client"):
		return "dropped by a sync"
	case strings.Contains(err.Error(), "TLS handshake"):
		return "TLS handshake"
	case errors.Is(err, context.DeadlineExceeded):
		return "request timeout"
	}
	return kind
}

func (r *run) lost(one *step, err error) {
	if r.l.excused("main", err) {
		r.l.on.books.tunnel("requests lost with their tunnel")
	} else {
		r.l.on.books.fail(kindOfLoss("request lost", err), fmt.Sprintf("%s %s: %v", one.Method, one.Path, err))
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
	status, answer, err := r.l.ask(r.l.lane(one.Conn+r.lanes), "GET", path+"/"+sent.Metadata.Name, "", headers, nil)
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
	status, answer, err := r.l.ask(r.l.lane(one.Conn+r.lanes), "GET", path, "", headers, nil)
	if err == nil && status == 200 {
		r.saw(decoded(answer))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over && !r.retry(one, 0) {
		r.finished(one)
	}
}

func (r *run) finish(one *step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished(one)
}

func (r *run) finishWatch(one *step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.done[one.ID] {
		return
	}
	r.done[one.ID] = true
	for _, number := range r.script.followers[one.ID] {
		r.met(number)
	}
}

func (r *run) finished(one *step) {
	if r.over || r.done[one.ID] {
		return
	}
	r.done[one.ID] = true
	for _, mark := range one.Marks {
		r.l.cause(mark)
	}
	for _, number := range r.script.followers[one.ID] {
		r.met(number)
	}
	if r.left--; r.left == 0 {
		r.forget()
		r.onDone(r.started)
	}
}

// --- what a run remembers ---

// learn takes from an answer what later steps need: names, objects, hashes of documents, the account's token.
func (r *run) learn(one *step, path string, answer []byte) {
	if one.Path == "/openapi/v3" {
		r.learnHashes(answer)
		return
	}
	r.mu.Lock()
	needed := one.Method == "POST" || r.wanted[path] || strings.Contains(path, "/secrets/")
	r.mu.Unlock()
	if !needed {
		return
	}
	obj := decoded(answer)
	if obj == nil {
		return
	}
	r.mu.Lock()
	if accessor, err := meta.Accessor(obj); err == nil && one.Method == "POST" && !r.over {
		r.names[one.ID] = accessor.GetName()
		r.wanted[pathOf(obj)] = true
	}
	if secret, ok := obj.(*corev1.Secret); ok && one.Method == "GET" && secret.Type == corev1.SecretTypeServiceAccountToken && r.account == "" {
		r.account = string(secret.Data["token"])
	}
	r.mu.Unlock()
	r.saw(obj)
}

func (r *run) learnHashes(answer []byte) {
	var index struct {
		Paths map[string]struct{ ServerRelativeURL string }
	}
	if err := json.Unmarshal(answer, &index); err != nil {
		r.l.on.books.fail("openapi", err.Error())
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, one := range index.Paths {
		if _, hash, ok := strings.Cut(one.ServerRelativeURL, "hash="); ok && !r.over {
			r.hashes[name] = hash
		}
	}
}

// saw remembers an object that the cluster showed, if a step wants it.
func (r *run) saw(obj runtime.Object) {
	if obj == nil {
		return
	}
	path := pathOf(obj)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || path == "" || !r.wanted[path] {
		return
	}
	version := versionOf(obj)
	if known := r.objects[path]; known != nil {
		old := versionOf(known)
		if version <= old {
			return
		}
		r.before[path] = strconv.FormatInt(old, 10)
	}
	r.objects[path] = obj
	r.fact("object:" + path)
}

func (r *run) dropped(obj runtime.Object) {
	path := pathOf(obj)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.objects, path)
}

func versionOf(obj runtime.Object) int64 {
	accessor, err := meta.Accessor(obj)
	if err != nil {
		return 0
	}
	version, _ := strconv.ParseInt(accessor.GetResourceVersion(), 10, 64)
	return version
}

// synced is told when a watch has its initial events.
func (r *run) synced(one *step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || !r.script.firstWatches[one.ID] || r.unsynced == 0 {
		return
	}
	if r.unsynced--; r.unsynced == 0 {
		r.l.on.books.took("synced", r.started)
		r.l.cause("synced")
		r.fact("synced")
	}
}

// --- values of placeholders ---

func (r *run) value(name string) string {
	kind, rest, found := strings.Cut(name, ":")
	if !found {
		return r.own(name)
	}
	switch kind {
	case "name":
		number, _ := strconv.Atoi(rest)
		return r.names[number]
	case "uid":
		if obj := r.objects[rest]; obj != nil {
			if accessor, err := meta.Accessor(obj); err == nil {
				return string(accessor.GetUID())
			}
		}
		return ""
	case "hash":
		return r.hashes[rest]
	}
	return name
}

var numbered = regexp.MustCompile(`^(user|id|uuid)\.(\w+)$`)

// own gives the cluster's own values: made from its id, so that they are always the same.
func (r *run) own(name string) string {
	c := r.l.c
	if found := numbered.FindStringSubmatch(name); found != nil {
		switch found[1] {
		case "uuid":
			return stableUUID(c.id, found[2])
		case "user":
			return "u-" + stableSuffix(10, c.id, "user", found[2])
		}
		return "id-" + stableSuffix(10, c.id, "id", found[2])
	}
	if plainName, ok := strings.CutSuffix(name, ".b64"); ok {
		return base64.StdEncoding.EncodeToString([]byte(r.fixed(plainName)))
	}
	return r.fixed(name)
}

func (r *run) fixed(name string) string {
	c, on := r.l.c, r.l.on
	switch name {
	case "now":
		return rfc3339(time.Now())
	case "account.token":
		return r.l.token()
	case "cluster":
		return c.id
	case "project.default":
		return "p-" + stableSuffix(5, c.id, "default")
	case "project.system":
		return "p-" + stableSuffix(5, c.id, "system")
	case "url":
		return on.url
	case "checksum":
		return checksum(on.caPEM)
	case "install":
		return stableUUID("install")
	case "credentials":
		return credentialsName(on.url, c.token, "")
	case "credentials.system":
		return credentialsName(on.url, c.systemToken, c.id)
	case "token.system":
		return c.systemToken
	}
	on.books.fail("script", "no value for placeholder "+name)
	return ""
}

// remaining is how many requests are still to be answered, and the facts that steps wait for.
func (r *run) remaining() (int, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	facts := make([]string, 0, len(r.waiting))
	for fact := range r.waiting {
		facts = append(facts, fact)
	}
	return r.left, facts
}
