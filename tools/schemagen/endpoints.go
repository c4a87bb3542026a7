package main

import (
	"regexp"
	"strings"
)

// keptMetrics are the families that the simulated server has, too: their heads (HELP, TYPE) are kept, and of those that are true,
// which say what was built and not what happened, everything.
var keptMetrics = map[string]bool{
	"aggregator_unavailable_apiservice": false, "apiserver_current_inflight_requests": false, "apiserver_request_total": false,
	"apiserver_resource_objects": false, "apiserver_storage_objects": false, "kubernetes_feature_enabled": true,
	"process_start_time_seconds": false,
}

var metricHead = regexp.MustCompile(`^# (?:HELP|TYPE) (\S+) `)

// endpointAnswers are the paths that lead to no resource: the list of paths, the health checks in their order, the metrics' heads.
func endpointAnswers(plane *controlPlane) (map[string]string, error) {
	answers := map[string]string{}
	for _, path := range []string{"/", "/healthz?verbose", "/livez?verbose", "/readyz?verbose"} {
		content, err := plane.get(path, "application/json")
		if err != nil {
			return nil, err
		}
		answers[path] = string(content)
	}
	content, err := plane.get("/metrics", "text/plain")
	if err != nil {
		return nil, err
	}
	answers["/metrics"] = metricHeads(string(content))
	return answers, nil
}

func metricHeads(text string) string {
	kept := []string{}
	family := ""
	for _, line := range strings.Split(text, "\n") {
		head := metricHead.FindStringSubmatch(line)
		if head != nil {
			family = head[1]
		}
		if whole, known := keptMetrics[family]; known && (whole || head != nil) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}
