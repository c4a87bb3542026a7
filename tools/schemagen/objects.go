package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"time"
)

// quiet is how long nothing may change before a new cluster counts as settled.
const (
	quiet        = 10 * time.Second
	standardPort = 6443 // where an API server listens, instead of our own
)

// transient kinds say something about the recorded process, not about every new cluster.
var transient = map[string]bool{"Lease": true, "Event": true, "ComponentStatus": true}

type object = map[string]any

// bootstrapObjects are the objects that exist before anyone acts, sorted by where they are, without uids, versions and times.
func bootstrapObjects(plane *controlPlane, answers map[string]string) ([]object, error) {
	var last string
	since := time.Now()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		objects, err := listObjects(plane, answers)
		if err != nil {
			return nil, err
		}
		content, err := json.Marshal(objects)
		if err != nil {
			return nil, err
		}
		if string(content) != last {
			last, since = string(content), time.Now()
		} else if time.Since(since) > quiet {
			return objects, nil
		}
	}
	return nil, fmt.Errorf("the new cluster does not come to rest")
}

func listObjects(plane *controlPlane, answers map[string]string) ([]object, error) {
	objects := []object{}
	for _, place := range listed(answers) {
		if !place.first {
			continue // the same objects again
		}
		content, err := plane.get(place.path(), "application/json")
		if err != nil {
			return nil, err
		}
		var list struct {
			Kind       string   `json:"kind"`
			APIVersion string   `json:"apiVersion"`
			Items      []object `json:"items"`
		}
		if err := json.Unmarshal(content, &list); err != nil {
			return nil, err
		}
		kind := list.Kind[:len(list.Kind)-len("List")]
		if transient[kind] {
			continue
		}
		for _, item := range list.Items {
			item["kind"], item["apiVersion"] = kind, list.APIVersion
			objects = append(objects, withoutIdentity(item))
		}
	}
	sort.SliceStable(objects, func(i, j int) bool { return keyOf(objects[i]) < keyOf(objects[j]) })
	return objects, nil
}

func keyOf(item object) string {
	metadata := item["metadata"].(object)
	namespace, _ := metadata["namespace"].(string)
	return fmt.Sprint(item["apiVersion"], " ", item["kind"], " ", namespace, " ", metadata["name"])
}

// withoutIdentity drops what differs between two new clusters: uids, versions, and every time, wherever it stands.
func withoutIdentity(item object) object {
	metadata := item["metadata"].(object)
	for _, name := range []string{"uid", "resourceVersion", "creationTimestamp"} {
		delete(metadata, name)
	}
	return withoutTimes(item).(object)
}

// withoutTimes replaces every RFC 3339 time by a placeholder.
func withoutTimes(value any) any {
	switch typed := value.(type) {
	case object:
		for name, inner := range typed {
			typed[name] = withoutTimes(inner)
		}
	case []any:
		for i, inner := range typed {
			typed[i] = withoutTimes(inner)
		}
	case float64:
		if fmt.Sprint(int(typed)) == apiPort {
			return standardPort
		}
	case string:
		if _, err := time.Parse(time.RFC3339, typed); err == nil {
			return timePlaceholder
		}
		if typed == controlPlaneCertificate() {
			return certificatePlaceholder
		}
	}
	return value
}

// What the loader replaces by the cluster's own values.
const (
	serverPlaceholder      = "@server"
	timePlaceholder        = "@time"
	certificatePlaceholder = "@ca"
)
