package main

import (
	"encoding/json"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// learn takes from an answer what later steps need: names, objects, hashes of documents, the account's token.
func (r *run) learn(one *step, path string, answer []byte) {
	if one.Path == "/openapi/v3" {
		r.learnHashes(answer)
		return
	}
	if !r.matters(one, path) {
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

// matters says whether anything is learned from an answer; all others are read and thrown away.
func (r *run) matters(one *step, path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return one.Path == "/openapi/v3" || one.Method == "POST" || r.wanted[path] || strings.Contains(path, "/secrets/")
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
