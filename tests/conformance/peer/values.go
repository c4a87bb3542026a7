package main

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
)

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
