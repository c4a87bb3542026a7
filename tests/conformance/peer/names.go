package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

const alphabet = "bcdfghjklmnpqrstvwxz2456789"

func randomName(length int) string {
	raw := make([]byte, length)
	rand.Read(raw)
	for i, one := range raw {
		raw[i] = alphabet[int(one)%len(alphabet)]
	}
	return string(raw)
}

func stableSuffix(length int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	out := make([]byte, length)
	for i := range out {
		out[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(out)
}

func stableUUID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func credentialsName(url, token, namespace string) string {
	sum := sha256.Sum256([]byte(url + "." + token + "." + namespace))
	return "cattle-credentials-" + hex.EncodeToString(sum[:])[:10]
}

func checksum(pem string) string {
	sum := sha256.Sum256([]byte(strings.TrimRight(pem, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}

var (
	watching = regexp.MustCompile(`(?:^|&)watch=(?:true|1)(?:&|$)`)
	plain    = map[string]bool{"readyz": true, "livez": true, "healthz": true, "version": true, "api": true, "apis": true, "openapi": true, "metrics": true}
	verbs    = map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch"}
)

// verbAndResource names a request as the generator's cluster/names.py does, so that the books can be compared.
func verbAndResource(method, path, query string) (string, string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	base := 3
	if parts[0] == "api" {
		base = 2
	}
	if (parts[0] != "api" && parts[0] != "apis") || len(parts) <= base {
		if plain[parts[0]] {
			return strings.ToLower(method), "/" + parts[0]
		}
		return strings.ToLower(method), "other"
	}
	rest := parts[base:]
	if rest[0] == "namespaces" && len(rest) > 2 && rest[2] != "status" && rest[2] != "finalize" {
		rest = rest[2:]
	}
	resource := rest[0]
	if len(rest) > 2 {
		resource += "/" + rest[2]
	}
	return verbOf(method, query, len(rest) > 1), resource
}

func verbOf(method, query string, named bool) string {
	switch {
	case method == "GET" && watching.MatchString(query):
		return "watch"
	case method == "GET" && named:
		return "get"
	case method == "GET":
		return "list"
	case method == "DELETE" && named:
		return "delete"
	case method == "DELETE":
		return "deletecollection"
	}
	return verbs[method]
}
