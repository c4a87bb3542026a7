package main

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// service is Rancher's REST API: recorded answers with what has changed since.
type service struct {
	registry  *registry
	books     *books
	templates map[string]answerTemplate
	url       string
	version   string
	caPEM     string
	token     string
	begin     func(c *cluster)
	remove    func(c *cluster)
}

func (s *service) values(v *view, extra map[string]string) func(string) string {
	return func(name string) string {
		if value, ok := extra[name]; ok {
			return value
		}
		switch name {
		case "url":
			return s.url
		case "wss":
			return strings.Replace(s.url, "https://", "wss://", 1)
		case "url_b64":
			return base64.StdEncoding.EncodeToString([]byte(s.url))
		case "checksum":
			return checksum(s.caPEM)
		case "install_uuid":
			return stableUUID("install")
		}
		if v == nil {
			return ""
		}
		return s.about(v, name)
	}
}

func (s *service) about(v *view, name string) string {
	switch name {
	case "cluster":
		return v.id
	case "name":
		return v.name
	case "token":
		return v.token
	case "token_b64":
		return base64.StdEncoding.EncodeToString([]byte(v.token))
	case "uuid":
		return stableUUID("management", v.id)
	case "created":
		return rfc3339(v.created)
	case "expires":
		return rfc3339(v.created.Add(30 * 24 * time.Hour))
	case "credentials":
		return credentialsName(s.url, v.token, "")
	}
	return ""
}

// recorded is the body of a recorded answer, filled.
func (s *service) recorded(name string, v *view, extra map[string]string) string {
	lookup := s.values(v, extra)
	if s.templates[name].JSON {
		lookup = escaped(lookup)
	}
	return fill(s.templates[name].Body, lookup)
}

func (s *service) object(name string, v *view, extra map[string]string) map[string]any {
	out := map[string]any{}
	if err := json.Unmarshal([]byte(s.recorded(name, v, extra)), &out); err != nil {
		s.books.fail("template "+name, err.Error())
	}
	return out
}

func inside(body map[string]any, key string) map[string]any {
	if found, ok := body[key].(map[string]any); ok {
		return found
	}
	made := map[string]any{}
	body[key] = made
	return made
}

func conditionsOf(v view, steve bool) []map[string]any {
	out := make([]map[string]any, 0, len(v.conditions))
	for _, one := range v.conditions {
		shown := map[string]any{"type": one.Type, "status": one.Status, "lastUpdateTime": one.At}
		if one.Message != "" {
			shown["message"] = one.Message
		}
		if one.Reason != "" {
			shown["reason"] = one.Reason
		}
		if steve {
			shown["error"] = one.Reason == "Error"
			shown["transitioning"] = one.Status == "Unknown" && transitioning[one.Type] != ""
		}
		out = append(out, shown)
	}
	return out
}

func lay(over map[string]any, labels map[string]string) {
	for key, value := range labels {
		over[key] = value
	}
}

// steve is /v1/management.cattle.io.clusters/<id>.
func (s *service) steve(v view) map[string]any {
	body := s.object("cluster_steve", &v, nil)
	metadata, now := inside(body, "metadata"), summarize(v.conditions, !v.removed.IsZero())
	lay(inside(metadata, "labels"), v.labels)
	metadata["resourceVersion"] = strconv.FormatInt(v.revision, 10)
	message := now.message
	if message == "" {
		message = "Resource is current"
	}
	metadata["state"] = map[string]any{"error": now.error, "message": message, "name": now.name, "transitioning": now.moving}
	inside(body, "spec")["displayName"] = v.name
	status := inside(body, "status")
	status["conditions"] = conditionsOf(v, true)
	lay(status, v.fields)
	s.deleting(metadata, v)
	return body
}

func (s *service) deleting(metadata map[string]any, v view) {
	if !v.removed.IsZero() {
		metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"] = rfc3339(v.removed), 0
	}
}

// provisioning is /v1/provisioning.cattle.io.clusters/fleet-default/<name>.
func (s *service) provisioning(v view, created bool) map[string]any {
	template := "provisioning_new"
	if created {
		template = "provisioning_created"
	} else if v.named(time.Now()) {
		template = "provisioning_named"
	}
	body := s.object(template, &v, map[string]string{"uuid": stableUUID("provisioning", v.id)})
	metadata := inside(body, "metadata")
	metadata["resourceVersion"] = strconv.FormatInt(v.revision, 10)
	lay(inside(metadata, "labels"), v.labels)
	if template == "provisioning_named" && v.readyOnce {
		inside(body, "status")["ready"] = true
	}
	s.deleting(metadata, v)
	return body
}

// norman is /v3/clusters/<id>.
func (s *service) norman(v view) map[string]any {
	template := "cluster_norman"
	if len(v.conditions) == 0 {
		template = "cluster_created"
	}
	body, now := s.object(template, &v, nil), summarize(v.conditions, !v.removed.IsZero())
	lay(inside(body, "labels"), v.labels)
	body["name"], body["state"], body["transitioningMessage"] = v.name, now.name, now.message
	body["conditions"], body["createdTS"] = conditionsOf(v, false), v.created.UnixMilli()
	lay(body, v.fields)
	if !v.removed.IsZero() {
		body["removed"] = rfc3339(v.removed)
	}
	return body
}

// picked keeps what "include" asks for, as steve does; everything without it.
func picked(body map[string]any, fields []string) map[string]any {
	if len(fields) == 0 {
		return body
	}
	out := map[string]any{"id": body["id"], "type": body["type"]}
	for _, field := range fields {
		parts, from, into := strings.Split(field, "."), body, out
		for i, part := range parts {
			value, ok := from[part]
			if !ok {
				break
			}
			if i == len(parts)-1 {
				into[part] = value
				break
			}
			if from, ok = value.(map[string]any); !ok {
				break
			}
			into = inside(into, part)
		}
	}
	return out
}
