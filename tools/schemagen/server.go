package main

import (
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

// serverFiles asks a new, untouched control plane for everything that is the same in every new cluster.
func serverFiles() (map[string][]byte, error) {
	plane, err := startControlPlane()
	if err != nil {
		return nil, err
	}
	defer plane.stop()
	answers, err := discoveryAnswers(plane)
	if err != nil {
		return nil, err
	}
	objects, err := bootstrapObjects(plane, answers)
	if err != nil {
		return nil, err
	}
	columns, err := tableColumns(plane, answers)
	if err != nil {
		return nil, err
	}
	documents, err := openAPIDocuments(plane)
	if err != nil {
		return nil, err
	}
	document2, err := openAPIDocument2(plane)
	if err != nil {
		return nil, err
	}
	endpoints, err := endpointAnswers(plane)
	if err != nil {
		return nil, err
	}
	models, err := customModels(plane) // last: everything before it is a new cluster's
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"openapi.raw": documents, "openapi-v2.raw": document2}
	for name, value := range map[string]any{"discovery.json": answers, "bootstrap.json": objects, "columns.json": columns, "endpoints.json": endpoints, "custom.json": models} {
		if files[name+".z"], err = plainJSON(value); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// discoveryAnswers: the aggregated documents (keys "/api aggregated", "/apis aggregated") and the plain ones by path.
func discoveryAnswers(plane *controlPlane) (map[string]string, error) {
	answers := map[string]string{}
	for _, path := range []string{"/api", "/apis"} {
		content, err := plane.get(path, aggregated)
		if err != nil {
			return nil, err
		}
		answers[path+" aggregated"] = string(content)
	}
	paths := []string{"/api", "/apis", "/version"}
	for _, version := range servedVersions(answers) {
		paths = append(paths, version)
	}
	for _, path := range paths {
		content, err := plane.get(path, "application/json")
		if err != nil {
			return nil, err
		}
		answers[path] = strings.ReplaceAll(string(content), "127.0.0.1:"+apiPort, serverPlaceholder)
	}
	return answers, nil
}

type groupList struct {
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Versions []struct {
			Version   string `json:"version"`
			Resources []struct {
				Resource string   `json:"resource"`
				Verbs    []string `json:"verbs"`
			} `json:"resources"`
		} `json:"versions"`
	} `json:"items"`
}

func groups(answers map[string]string) []groupList {
	lists := make([]groupList, 2)
	for i, path := range []string{"/api", "/apis"} {
		if err := json.Unmarshal([]byte(answers[path+" aggregated"]), &lists[i]); err != nil {
			panic(err) // the server's own answer
		}
	}
	return lists
}

// servedVersions are the paths of all groups and group versions.
func servedVersions(answers map[string]string) []string {
	paths := []string{}
	for _, list := range groups(answers) {
		for _, group := range list.Items {
			base := "/api"
			if group.Metadata.Name != "" {
				base = "/apis/" + group.Metadata.Name
				paths = append(paths, base)
			}
			for _, version := range group.Versions {
				paths = append(paths, base+"/"+version.Version)
			}
		}
	}
	return paths
}

// collection is a resource that can be listed, in one of its versions; first says whether that is its group's first.
type collection struct {
	group, version, plural string
	first                  bool
}

func (place collection) path() string {
	if place.group == "" {
		return "/api/" + place.version + "/" + place.plural
	}
	return "/apis/" + place.group + "/" + place.version + "/" + place.plural
}

// listed are the collections whose objects can be listed, in all versions.
func listed(answers map[string]string) []collection {
	found := []collection{}
	for _, list := range groups(answers) {
		for _, group := range list.Items {
			for i, version := range group.Versions {
				for _, resource := range version.Resources {
					if slices.Contains(resource.Verbs, "list") {
						found = append(found, collection{group.Metadata.Name, version.Version, resource.Resource, i == 0})
					}
				}
			}
		}
	}
	return found
}

// openAPIDocuments is an archive of "index" and every document by its name in the index, prose replaced.
func openAPIDocuments(plane *controlPlane) ([]byte, error) {
	index, err := plane.get("/openapi/v3", "application/json")
	if err != nil {
		return nil, err
	}
	var parsed struct {
		Paths map[string]struct {
			URL string `json:"serverRelativeURL"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(index, &parsed); err != nil {
		return nil, err
	}
	members := []member{{"index", index}}
	for _, name := range slices.Sorted(maps.Keys(parsed.Paths)) {
		document, err := plane.get(parsed.Paths[name].URL, "application/json")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		members = append(members, member{name, withoutProse(document)})
	}
	return archive(members)
}

// openAPIDocument2 is an archive of the document of /openapi/v2, prose replaced, and of the ETag of the one with prose.
func openAPIDocument2(plane *controlPlane) ([]byte, error) {
	document, err := plane.get("/openapi/v2", "application/json")
	if err != nil {
		return nil, err
	}
	etag := fmt.Sprintf("%X", sha512.Sum512(document)) // as kube-openapi computes it
	return archive([]member{{"etag", []byte(etag)}, {"document", withoutProse(document)}})
}
