package main

// Deployments as JSON objects: whole ones, and patches of them with directives.

func deployment(r random) object {
	return object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(r), "spec": deploymentSpec(r)}
}

func metadata(r random) object {
	out := object{"name": "d"}
	if r.chance(60) {
		out["labels"] = texts(r)
	}
	if r.chance(40) {
		out["annotations"] = texts(r)
	}
	if r.chance(50) {
		out["finalizers"] = values(r, "x/a", "x/b", "x/c")
	}
	if r.chance(40) {
		out["ownerReferences"] = rows(r, "uid", []any{"1", "2", "3"}, func(row object) {
			row["apiVersion"], row["kind"], row["name"] = "v1", "Pod", pick(r, "p", "q")
		})
	}
	return out
}

func texts(r random) object {
	out := object{}
	for _, name := range some(r, "l", "m", "n") {
		out[name] = pick(r, "1", "2")
	}
	return out
}

func values(r random, from ...string) []any {
	out := []any{}
	for _, value := range some(r, from...) {
		out = append(out, value)
	}
	return out
}

func rows(r random, key string, keys []any, fill func(object)) []any {
	out := []any{}
	for _, value := range some(r, keys...) {
		row := object{key: value}
		fill(row)
		out = append(out, row)
	}
	return out
}

func deploymentSpec(r random) object {
	out := object{"selector": object{"matchLabels": object{"l": "1"}}, "template": object{
		"metadata": metadata(r), "spec": podSpec(r),
	}}
	if r.chance(60) {
		out["replicas"] = int64(r.Intn(3))
	}
	if r.chance(60) {
		out["strategy"] = object{"type": "Recreate"}
	} else if r.chance(50) {
		out["strategy"] = object{"type": "RollingUpdate", "rollingUpdate": object{"maxSurge": pick[any](r, int64(1), "25%")}}
	}
	return out
}

func podSpec(r random) object {
	out := object{"containers": rows(r, "name", []any{"a", "b", "c", "d"}, func(row object) { container(r, row) })}
	if r.chance(40) {
		out["nodeSelector"] = texts(r)
	}
	if r.chance(30) {
		out["tolerations"] = rows(r, "key", []any{"t", "u"}, func(row object) { row["operator"] = "Exists" })
	}
	if r.chance(50) {
		out["volumes"] = rows(r, "name", []any{"v", "w", "x"}, func(row object) {
			if r.chance(50) {
				row["emptyDir"] = object{}
			} else {
				row["configMap"] = object{"name": pick(r, "c", "e"), "optional": r.chance(50)}
			}
		})
	}
	if r.chance(30) {
		out["imagePullSecrets"] = rows(r, "name", []any{"s", "t"}, func(object) {})
	}
	if r.chance(30) {
		out["securityContext"] = object{"runAsUser": int64(r.Intn(3))}
	}
	if r.chance(30) {
		out["hostNetwork"] = r.chance(50)
	}
	return out
}

func container(r random, row object) {
	if r.chance(70) {
		row["image"] = pick(r, "i:1", "i:2")
	}
	if r.chance(40) {
		row["command"] = values(r, "x", "y")
	}
	if r.chance(50) {
		row["env"] = rows(r, "name", []any{"E", "F", "G"}, func(row object) { row["value"] = pick(r, "1", "2") })
	}
	if r.chance(50) {
		row["ports"] = rows(r, "containerPort", []any{int64(80), int64(443), int64(9)}, func(row object) {
			if r.chance(50) {
				row["protocol"] = pick(r, "TCP", "UDP")
			}
			if r.chance(40) {
				row["name"] = pick(r, "http", "other")
			}
		})
	}
	if r.chance(30) {
		row["resources"] = object{"limits": object{"cpu": pick(r, "1", "2")}}
	}
	if r.chance(30) {
		row["volumeMounts"] = rows(r, "mountPath", []any{"/a", "/b"}, func(row object) { row["name"] = "v" })
	}
}
