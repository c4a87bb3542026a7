package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

func (s *service) routes(tunnels http.Handler) http.Handler {
	mux := http.NewServeMux()
	open := func(pattern, name string, handler func(http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(pattern, s.counted(name, handler))
	}
	closed := func(pattern, name string, handler func(http.ResponseWriter, *http.Request)) {
		open(pattern, name, s.authenticated(handler))
	}
	mux.Handle("/v3/connect", tunnels)
	mux.Handle("/v3/connect/register", tunnels)
	open("GET /ping", "ping", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pong") })
	open("GET /rancherversion", "version", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"Version": "v" + s.version, "GitCommit": "HEAD", "RancherPrime": "false"})
	})
	open("GET /{$}", "root", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"type": "collection", "links": map[string]any{"self": s.url + "/"}, "resourceType": "apiRoot", "data": []any{}})
	})
	open("GET /v3/settings/{name}", "setting", s.setting)
	open("GET /v3/settings/cacerts", "cacerts", s.setting)
	open("GET /v3/import/{name}", "manifest", s.manifest)
	open("POST /v1-public/login", "login", s.login)
	open("POST /v3-public/localProviders/local", "login", s.login)
	closed("POST /v3/tokens", "logout", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	closed("POST /v1/provisioning.cattle.io.clusters", "create", s.createV1)
	closed("GET /v1/provisioning.cattle.io.clusters", "list provisioning", s.listProvisioning)
	closed("GET /v1/provisioning.cattle.io.clusters/fleet-default/{name}", "get provisioning", s.getProvisioning)
	closed("DELETE /v1/provisioning.cattle.io.clusters/fleet-default/{name}", "delete", s.deleteProvisioning)
	closed("GET /v1/management.cattle.io.clusters", "list", s.list)
	closed("GET /v1/management.cattle.io.clusters/{id}", "state", s.getManagement)
	closed("GET /v1/management.cattle.io.clusterregistrationtokens/{id}/default-token", "token", s.registration)
	closed("GET /v1/subscribe", "subscribe", s.subscribe)
	closed("POST /v3/clusters", "create", s.createV3)
	closed("GET /v3/clusters", "list v3", s.listV3)
	closed("GET /v3/clusters/{id}", "get v3", s.getV3)
	closed("DELETE /v3/clusters/{id}", "delete", s.deleteV3)
	return mux
}

// statusWriter remembers the status; Unwrap lets a websocket hijack through it.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (s *service) counted(name string, handler func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if name == "subscribe" {
			s.books.restCall(name, 101)
			handler(w, r)
			return
		}
		writer := &statusWriter{w, 200}
		handler(writer, r)
		s.books.restCall(name, writer.status)
	}
}

func (s *service) authenticated(handler func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			answer(w, 401, map[string]any{"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"})
			return
		}
		handler(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"type": "error", "baseType": "error", "links": map[string]any{}, "code": code, "message": message, "status": status})
}

func (s *service) setting(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if name == "" {
		name = "cacerts"
	}
	values := map[string]string{"cacerts": strings.TrimRight(s.caPEM, "\n"), "server-url": s.url, "server-version": "v" + s.version,
		"install-uuid": stableUUID("install"), "agent-tls-mode": "strict", "first-login": "false"}
	value, ok := values[name]
	if !ok {
		refuse(w, 404, "NotFound", fmt.Sprintf("settings.management.cattle.io %q not found", name))
		return
	}
	body := s.object("cacerts", nil, map[string]string{"created": rfc3339(time.Now())})
	body["id"], body["name"], body["value"] = name, name, value
	answer(w, 200, body)
}

var importName = regexp.MustCompile(`^([^_]+)_([^.]+)\.yaml$`)

func (s *service) manifest(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	found := importName.FindStringSubmatch(r.PathValue("name"))
	if found != nil {
		if c := s.registry.byTokenOf(found[1]); c != nil && c.id == found[2] {
			shown := s.registry.show(c)
			fmt.Fprint(w, s.recorded("manifest", &shown, nil))
			return
		}
	}
	w.WriteHeader(400)
	fmt.Fprint(w, s.recorded("bad_import", nil, nil))
}

func (s *service) login(w http.ResponseWriter, _ *http.Request) {
	answer(w, 201, map[string]any{"baseType": "token", "type": "token", "id": strings.SplitN(s.token, ":", 2)[0], "token": s.token})
}

type creation struct {
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels"`
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
}

func (s *service) createV1(w http.ResponseWriter, r *http.Request) {
	var body creation
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Metadata.Name == "" {
		refuse(w, 422, "Invalid", "name or generateName is required")
		return
	}
	c := s.registry.create(body.Metadata.Name, "steve", body.Metadata.Labels)
	if c == nil {
		answer(w, 409, s.object("provisioning_exists", nil, map[string]string{"name": body.Metadata.Name}))
		return
	}
	s.begin(c)
	answer(w, 201, s.provisioning(s.registry.show(c), true))
}

func (s *service) createV3(w http.ResponseWriter, r *http.Request) {
	var body creation
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Name == "" {
		refuse(w, 422, "InvalidFormat", "name is required")
		return
	}
	c := s.registry.create(body.Name, "norman", body.Labels)
	if c == nil {
		answer(w, 422, s.object("not_unique", nil, nil))
		return
	}
	s.begin(c)
	answer(w, 201, s.norman(s.registry.show(c)))
}

func (s *service) found(w http.ResponseWriter, c *cluster, name string) (view, bool) {
	if c == nil {
		refuse(w, 404, "NotFound", fmt.Sprintf("clusters.management.cattle.io %q not found", name))
		return view{}, false
	}
	return s.registry.show(c), true
}

func (s *service) getProvisioning(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.found(w, s.registry.named(r.PathValue("name")), r.PathValue("name")); ok {
		answer(w, 200, s.provisioning(v, false))
	}
}

func (s *service) deleteProvisioning(w http.ResponseWriter, r *http.Request) {
	c := s.registry.named(r.PathValue("name"))
	if _, ok := s.found(w, c, r.PathValue("name")); ok {
		s.remove(c)
		answer(w, 200, s.provisioning(s.registry.show(c), false))
	}
}

func (s *service) getManagement(w http.ResponseWriter, r *http.Request) {
	v, ok := s.found(w, s.registry.get(r.PathValue("id")), r.PathValue("id"))
	if ok {
		answer(w, 200, picked(s.steve(v), r.URL.Query()["include"]))
	}
}

func (s *service) getV3(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.found(w, s.registry.get(r.PathValue("id")), r.PathValue("id")); ok {
		answer(w, 200, s.norman(v))
	}
}

func (s *service) deleteV3(w http.ResponseWriter, r *http.Request) {
	c := s.registry.get(r.PathValue("id"))
	if _, ok := s.found(w, c, r.PathValue("id")); ok {
		s.remove(c)
		answer(w, 200, s.norman(s.registry.show(c)))
	}
}

func (s *service) listV3(w http.ResponseWriter, r *http.Request) {
	data := []map[string]any{}
	for _, v := range s.registry.views() {
		if name := r.URL.Query().Get("name"); name == "" || name == v.name {
			data = append(data, s.norman(v))
		}
	}
	answer(w, 200, map[string]any{"type": "collection", "resourceType": "cluster", "data": data, "pagination": map[string]any{"limit": 1000, "total": len(data)}})
}

// chosen are the clusters that the filters of /v1 select; labelSelector is ignored as the SQL cache of 2.15 does.
func (s *service) chosen(r *http.Request) []view {
	out, now := []view{}, time.Now()
	selectors := []string{}
	for _, one := range r.URL.Query()["filter"] {
		if label, ok := strings.CutPrefix(one, "metadata.labels"); ok {
			selectors = append(selectors, strings.NewReplacer("[", "", "]", "").Replace(label))
		}
	}
	selector := strings.Join(selectors, ",")
	for _, v := range s.registry.views() {
		if v.named(now) && matches(v.labels, selector) {
			out = append(out, v)
		}
	}
	return out
}

func (s *service) collection(w http.ResponseWriter, r *http.Request, kind string, render func(view) map[string]any) {
	data, fields := []map[string]any{}, r.URL.Query()["include"]
	for _, v := range s.chosen(r) {
		data = append(data, picked(render(v), fields))
	}
	s.registry.mu.Lock()
	revision := s.registry.revision
	s.registry.mu.Unlock()
	answer(w, 200, map[string]any{"type": "collection", "links": map[string]any{"self": s.url + r.URL.Path}, "actions": map[string]any{},
		"resourceType": kind, "revision": fmt.Sprint(revision), "count": len(data), "data": data})
}

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	s.collection(w, r, "management.cattle.io.cluster", s.steve)
}

func (s *service) listProvisioning(w http.ResponseWriter, r *http.Request) {
	s.collection(w, r, "provisioning.cattle.io.cluster", func(v view) map[string]any { return s.provisioning(v, false) })
}

func (s *service) registration(w http.ResponseWriter, r *http.Request) {
	c := s.registry.get(r.PathValue("id"))
	if c == nil || !s.registry.show(c).hasToken(time.Now()) {
		refuse(w, 404, "NotFound", `clusterregistrationtokens.management.cattle.io "default-token" not found`)
		return
	}
	shown := s.registry.show(c)
	answer(w, 200, s.object("token_steve", &shown, nil))
}

// subscriber is one websocket of /v1/subscribe; events wait in a queue so that no cluster waits for a reader.
type subscriber struct {
	service  *service
	mu       sync.Mutex
	selector string
	queue    [][]byte
	wake     chan struct{}
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func (s *service) subscribe(w http.ResponseWriter, r *http.Request) {
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.books.fail("subscribe", err.Error())
		return
	}
	one := &subscriber{service: s, wake: make(chan struct{}, 1)}
	done := make(chan struct{})
	go one.write(socket, done)
	defer func() { s.registry.listen(one, false); close(done); socket.Close() }()
	for {
		var asked struct{ ResourceType, Selector string }
		if err := socket.ReadJSON(&asked); err != nil {
			return
		}
		one.mu.Lock()
		one.selector = asked.Selector
		one.mu.Unlock()
		s.registry.listen(one, true)
		one.tell(map[string]any{"name": "resource.start", "resourceType": asked.ResourceType, "selector": asked.Selector, "data": map[string]any{"type": "subscribe", "links": map[string]any{}}})
	}
}

func (o *subscriber) changed(event string, v view) {
	o.mu.Lock()
	selector := o.selector
	o.mu.Unlock()
	if matches(v.labels, selector) {
		o.tell(map[string]any{"name": event, "resourceType": "management.cattle.io.cluster", "selector": selector, "revision": fmt.Sprint(v.revision), "data": o.service.steve(v)})
	}
}

func (o *subscriber) tell(event map[string]any) {
	encoded, _ := json.Marshal(event)
	o.mu.Lock()
	o.queue = append(o.queue, encoded)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *subscriber) write(socket *websocket.Conn, done chan struct{}) {
	pings := time.NewTicker(30 * time.Second)
	defer pings.Stop()
	for {
		select {
		case <-done:
			return
		case <-pings.C:
			o.tell(map[string]any{"name": "ping", "data": map[string]any{"type": "subscribe", "links": map[string]any{}, "version": "v" + o.service.version}})
		case <-o.wake:
		}
		o.mu.Lock()
		queue := o.queue
		o.queue = nil
		o.mu.Unlock()
		for _, one := range queue {
			if err := socket.WriteMessage(websocket.TextMessage, one); err != nil {
				return
			}
		}
	}
}
