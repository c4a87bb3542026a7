package main

import "time"

// condition is one of a cluster's; change is a recorded one with what causes it (the rules are the stand-in's).
type condition struct {
	Type, Status, Reason, Message, At string
}

type change struct {
	cause string
	delay time.Duration
	condition
}

var causes = map[string]struct {
	cause  string
	delayS float64
}{
	"Pending/Unknown": {"created", 0.7}, "Provisioned/Unknown": {"created", 0.7}, "Waiting/Unknown": {"created", 0.7},
	"Pending/True": {"tunnel", 0.25}, "PreBootstrapped/Unknown": {"synced", 0.1}, "AgentTlsStrictCheck/True": {"synced", 0.1},
	"AgentDeployed/True": {"deployed", 0}, "SystemAccountCreated/True": {"deployed", 0}, "GlobalAdminsSynced/True": {"admins", 1},
	"Updated/True":             {"deployed", 4.2},
	"BackingNamespaceCreated/": {"created", 0.15}, "DefaultProjectCreated/": {"created", 0.15}, "SystemProjectCreated/": {"created", 0.15},
	"InitialRolesPopulated/": {"created", 0.15}, "CreatorMadeOwner/": {"created", 0.15},
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// loadChanges reads what one recorded import shows, without what probes decide.
func loadChanges(directory, name string) ([]change, error) {
	var entries []struct {
		Set map[string][3]*string `json:"set"`
	}
	if err := load(directory, name, &entries); err != nil {
		return nil, err
	}
	var out []change
	for _, entry := range entries {
		for kind, parts := range entry.Set {
			one := condition{Type: kind, Status: text(parts[0]), Reason: text(parts[1]), Message: text(parts[2])}
			if kind == "Connected" || kind == "Ready" || (kind == "Waiting" && one.Status == "True") {
				continue
			}
			cause, delay := causeOf(one)
			out = append(out, change{cause, delay, one})
		}
	}
	return out, nil
}

func text(pointer *string) string {
	if pointer == nil {
		return ""
	}
	return *pointer
}

func causeOf(one condition) (string, time.Duration) {
	for _, key := range []string{one.Type + "/" + one.Status, one.Type + "/"} {
		if found, ok := causes[key]; ok {
			return found.cause, seconds(found.delayS)
		}
	}
	if one.Type == "Provisioned" && one.Status == "True" {
		return "tunnel", seconds(0.25)
	}
	return "created", seconds(0.7)
}

var transitioning = map[string]string{
	"Pending": "pending", "Provisioned": "provisioning", "Waiting": "waiting", "Updated": "updating", "AgentDeployed": "provisioning",
	"BackingNamespaceCreated": "configuring", "DefaultProjectCreated": "configuring", "SystemProjectCreated": "configuring",
	"CreatorMadeOwner": "configuring", "InitialRolesPopulated": "activating",
}

// state is what lists show.
type state struct {
	name          string
	moving, error bool
	message       string
}

// summarize follows Rancher's summarizer: no conditions at all read "active".
func summarize(conditions []condition, removing bool) state {
	if removing {
		return state{"removing", true, false, "waiting on wrangler.cattle.io/mgmt-cluster-remove"}
	}
	for _, one := range conditions {
		if one.Reason == "Error" {
			return state{"error", false, true, one.Message}
		}
	}
	for _, status := range []string{"False", "Unknown"} {
		for _, one := range conditions {
			if name := transitioning[one.Type]; name != "" && one.Status == status {
				return state{name, status == "Unknown", status == "False", one.Message}
			}
		}
	}
	for _, one := range conditions {
		if one.Type == "Ready" && one.Status != "True" {
			return state{"unavailable", one.Status == "False", one.Status != "False", one.Message}
		}
	}
	return state{name: "active"}
}
