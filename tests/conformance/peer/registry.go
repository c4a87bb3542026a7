package main

import (
	"sort"
	"strings"
	"sync"
	"time"
)

// cluster is one imported cluster as Rancher's side knows it. Fields below mu belong to the registry's lock.
type cluster struct {
	id, name, path            string
	labels                    map[string]string
	created                   time.Time
	token, systemToken, admin string
	life                      *life

	revision   int64
	conditions []condition
	fields     map[string]string
	removed    time.Time
	readyOnce  bool
	wasActive  bool
}

// view is a copy that can be rendered without the lock.
type view struct {
	id, name, path, token string
	labels                map[string]string
	created, removed      time.Time
	revision              int64
	conditions            []condition
	fields                map[string]string
	readyOnce             bool
}

const (
	namedAfter  = 80 * time.Millisecond
	tokenAfterV = 200 * time.Millisecond
	tokenAfterN = 240 * time.Millisecond
)

func (v view) named(now time.Time) bool {
	return v.path == "norman" || now.Sub(v.created) >= namedAfter
}

func (v view) hasToken(now time.Time) bool {
	if v.path == "norman" {
		return now.Sub(v.created) >= tokenAfterN
	}
	return now.Sub(v.created) >= tokenAfterV
}

// registry is all clusters by id, name and token, and who listens to their changes.
type registry struct {
	mu        sync.Mutex
	byID      map[string]*cluster
	byName    map[string]*cluster
	byToken   map[string]*cluster
	revision  int64
	listeners map[*subscriber]bool
	books     *books
}

func newRegistry(b *books) *registry {
	return &registry{
		byID: map[string]*cluster{}, byName: map[string]*cluster{}, byToken: map[string]*cluster{},
		listeners: map[*subscriber]bool{}, revision: 4000, books: b,
	}
}

func (r *registry) create(name, path string, labels map[string]string) *cluster {
	r.mu.Lock()
	if r.byName[name] != nil {
		r.mu.Unlock()
		return nil
	}
	prefix, length := "c-m-", 8
	if path == "norman" {
		prefix, length = "c-", 5
	}
	c := &cluster{name: name, path: path, labels: labels, created: time.Now(), token: randomName(54), systemToken: randomName(54), fields: map[string]string{}}
	for c.id = prefix + randomName(length); r.byID[c.id] != nil; c.id = prefix + randomName(length) {
	}
	r.byID[c.id], r.byName[name], r.byToken[c.token], r.byToken[c.systemToken] = c, c, c, c
	event := r.touched(c, "resource.create")
	r.mu.Unlock()
	r.books.created.Add(1)
	event()
	return c
}

// touched makes a new revision; the result tells the listeners and is called without the lock.
func (r *registry) touched(c *cluster, event string) func() {
	r.revision++
	c.revision = r.revision
	shown := c.view()
	told := make([]*subscriber, 0, len(r.listeners))
	for one := range r.listeners {
		told = append(told, one)
	}
	return func() {
		for _, one := range told {
			one.changed(event, shown)
		}
	}
}

func (c *cluster) view() view {
	fields := make(map[string]string, len(c.fields))
	for key, value := range c.fields {
		fields[key] = value
	}
	return view{c.id, c.name, c.path, c.token, c.labels, c.created, c.removed, c.revision, append([]condition(nil), c.conditions...), fields, c.readyOnce}
}

func (r *registry) byTokenOf(token string) *cluster { return r.find(r.byToken, token) }
func (r *registry) named(name string) *cluster      { return r.find(r.byName, name) }
func (r *registry) get(id string) *cluster          { return r.find(r.byID, id) }

func (r *registry) find(in map[string]*cluster, key string) *cluster {
	r.mu.Lock()
	defer r.mu.Unlock()
	return in[key]
}

func (r *registry) show(c *cluster) view {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.view()
}

func (r *registry) isRemoved(c *cluster) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !c.removed.IsZero()
}

// status of a condition, empty when there is none.
func (r *registry) status(c *cluster, kind string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range c.conditions {
		if one.Type == kind {
			return one.Status
		}
	}
	return ""
}

func (r *registry) views() []view {
	r.mu.Lock()
	out := make([]view, 0, len(r.byID))
	for _, c := range r.byID {
		out = append(out, c.view())
	}
	r.mu.Unlock()
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

func (r *registry) all() []*cluster {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*cluster, 0, len(r.byID))
	for _, c := range r.byID {
		out = append(out, c)
	}
	return out
}

// set lays conditions over those that are there; listeners hear of it once, and only if something moved.
// What is Unknown does not replace what is known.
func (r *registry) set(c *cluster, changes ...condition) {
	r.mu.Lock()
	moved := false
	for _, one := range changes {
		one.At = rfc3339(time.Now())
		moved = c.lay(one) || moved
	}
	if !moved {
		r.mu.Unlock()
		return
	}
	active := !c.wasActive && summarize(c.conditions, false).name == "active" && c.readyOnce && c.is("Ready", "True")
	c.wasActive = c.wasActive || active
	event := r.touched(c, "resource.change")
	r.mu.Unlock()
	event()
	if active {
		r.books.active.Add(1)
		r.books.took("active", c.created)
	}
}

func (c *cluster) is(kind, status string) bool {
	for _, one := range c.conditions {
		if one.Type == kind {
			return one.Status == status
		}
	}
	return false
}

func (c *cluster) lay(one condition) bool {
	if one.Type == "Connected" && one.Status == "True" {
		c.readyOnce = true
	}
	for i, known := range c.conditions {
		if known.Type != one.Type {
			continue
		}
		if one.Status == "Unknown" || (known.Status == one.Status && known.Reason == one.Reason && known.Message == one.Message) {
			return false
		}
		c.conditions[i] = one
		return true
	}
	c.conditions = append(c.conditions, one)
	return true
}

// removing marks a cluster; false if it was marked before.
func (r *registry) removing(c *cluster) bool {
	r.mu.Lock()
	if !c.removed.IsZero() {
		r.mu.Unlock()
		return false
	}
	c.removed = time.Now()
	event := r.touched(c, "resource.change")
	r.mu.Unlock()
	event()
	return true
}

func (r *registry) forget(c *cluster) {
	r.mu.Lock()
	if r.byID[c.id] == nil {
		r.mu.Unlock()
		return
	}
	delete(r.byID, c.id)
	delete(r.byName, c.name)
	delete(r.byToken, c.token)
	delete(r.byToken, c.systemToken)
	event := r.touched(c, "resource.remove")
	r.mu.Unlock()
	r.books.deleted.Add(1)
	event()
}

func (r *registry) listen(one *subscriber, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on {
		r.listeners[one] = true
	} else {
		delete(r.listeners, one)
	}
}

func rfc3339(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// matches says whether a label selector of equalities chooses these labels.
func matches(labels map[string]string, selector string) bool {
	for _, part := range strings.Split(selector, ",") {
		if key, value, ok := strings.Cut(part, "="); ok && labels[key] != strings.TrimPrefix(value, "=") {
			return false
		}
	}
	return true
}
