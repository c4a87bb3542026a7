package kubectl

import (
	"strings"
	"testing"

	"scale-agent/tests/conformance/simulated"
)

// wombats is a custom resource with all that a definition can have, and without objects of it.
const wombatDefinition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wombats.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: wombats, singular: wombat, kind: Wombat, listKind: WombatList, shortNames: [wb], categories: [animals]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size, labelSelectorPath: .status.selector}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Mood, type: string, jsonPath: .status.mood, priority: 1}
    schema:
      openAPIV3Schema:
        type: object
        description: A wombat digs.
        required: [spec]
        properties:
          spec:
            type: object
            description: What the wombat is to be.
            required: [size]
            properties:
              size: {type: integer, minimum: 1, maximum: 9, description: How large it is.}
              color: {type: string, default: brown, enum: [brown, grey]}
              friends: {type: array, items: {type: string}, description: Who digs along.}
          status:
            type: object
            properties:
              mood: {type: string}
              size: {type: integer}
              selector: {type: string}
`

const aWombat = `apiVersion: example.com/v1
kind: Wombat
metadata: {name: bert}
spec: {size: 3}
`

// define makes the definition and waits until the kind is served.
func define(k kubectl) {
	k.t.Helper()
	k.feed(wombatDefinition, "apply", "-f", "-")
	k.run("wait", "crd/wombats.example.com", "--for=condition=Established", "--timeout=20s")
}

func TestCustomResources(t *testing.T) {
	k := user(t)
	define(k)
	simulated.Run(t, "are there in api-resources, with short name and category", func(t *testing.T) {
		table := k.in(t).run("api-resources", "--api-group=example.com", "--no-headers", "-o", "wide")
		equal(t, strings.Join(row(t, table, "wombats"), " "), "wombats wb example.com/v1 true Wombat delete,deletecollection,get,list,patch,create,update,watch animals")
	})
	simulated.Run(t, "are created with defaults and printed with their columns", func(t *testing.T) {
		k := k.in(t)
		k.feed(aWombat, "create", "-f", "-")
		equal(t, k.run("get", "wb", "bert", "-o", "jsonpath={.spec.color}"), "brown")
		table := k.run("get", "wombats")
		equal(t, strings.Join(row(t, table, "NAME"), " "), "NAME SIZE")
		equal(t, strings.Join(row(t, table, "bert"), " "), "bert 3")
		contains(t, k.run("get", "wombat", "-o", "wide"), "NAME   SIZE   MOOD")
		contains(t, k.run("get", "animals"), "bert")
	})
	simulated.Run(t, "are validated by their schema", func(t *testing.T) {
		k := k.in(t)
		got := k.do(strings.ReplaceAll(aWombat, "size: 3", "size: 30"), "create", "-f", "-").stderr
		equal(t, got, `The Wombat "bert" is invalid: spec.size: Invalid value: 30: spec.size in body should be less than or equal to 9`)
		got = k.do(strings.ReplaceAll(aWombat, "size: 3", "{}")[:strings.Index(aWombat, "spec:")], "create", "-f", "-").stderr
		equal(t, got, `The Wombat "bert" is invalid: spec: Required value`)
		got = k.do(strings.ReplaceAll(aWombat, "size: 3", "size: 3, colour: grey"), "create", "-f", "-").stderr
		contains(t, got, `strict decoding error: unknown field "spec.colour"`)
		got = k.do("", "patch", "wb", "bert", "--type=merge", "-p", `{"spec":{"color":"pink"}}`).stderr
		equal(t, got, `The Wombat "bert" is invalid: spec.color: Unsupported value: "pink": supported values: "brown", "grey"`)
	})
	simulated.Run(t, "have a status apart from the spec", func(t *testing.T) {
		k := k.in(t)
		k.run("patch", "wb", "bert", "--type=merge", "--subresource=status", "-p", `{"status":{"mood":"fine"},"spec":{"size":9}}`)
		equal(t, k.run("get", "wb", "bert", "-o", "jsonpath={.status.mood} {.spec.size}"), "fine 3")
		k.run("patch", "wb", "bert", "--type=merge", "-p", `{"status":{"mood":"bad"}}`)
		equal(t, k.run("get", "wb", "bert", "--subresource=status", "-o", "jsonpath={.status.mood}"), "fine")
	})
	simulated.Run(t, "are scaled", func(t *testing.T) {
		k := k.in(t)
		equal(t, k.run("scale", "wombat/bert", "--replicas=5"), "wombat.example.com/bert scaled")
		equal(t, k.run("get", "wb", "bert", "-o", "jsonpath={.spec.size}"), "5")
	})
	simulated.Run(t, "are applied, diffed and waited for", func(t *testing.T) {
		k := k.in(t)
		k.feed(aWombat, "apply", "-f", "-")
		equal(t, k.feed(strings.ReplaceAll(aWombat, "size: 3", "size: 4"), "apply", "-f", "-"), "wombat.example.com/bert configured")
		equal(t, k.feed(strings.ReplaceAll(aWombat, "size: 3", "size: 7"), "apply", "--server-side", "--force-conflicts", "-f", "-"), "wombat.example.com/bert serverside-applied")
		contains(t, k.do(aWombat, "diff", "-f", "-").stdout, "-  size: 7", "+  size: 3")
		k.run("wait", "wombat/bert", "--for=jsonpath={.spec.size}=7", "--timeout=20s")
	})
	simulated.Run(t, "are explained", func(t *testing.T) {
		k := k.in(t)
		contains(t, k.run("explain", "wombat"), "GROUP:      example.com", "KIND:       Wombat", "A wombat digs.", "  spec\t<Object> -required-", "What the wombat is to be.")
		contains(t, k.run("explain", "wombats.spec"), "color\t<string>", "enum: brown, grey", "friends\t<[]string>", "size\t<integer> -required-")
		contains(t, k.run("explain", "wombats", "--recursive"), "  spec\t<Object> -required-\n    color\t<string>\n    enum: brown, grey\n    friends\t<[]string>\n    size\t<integer> -required-\n")
	})
	simulated.Run(t, "are described", func(t *testing.T) {
		contains(t, k.in(t).run("describe", "wombat", "bert"), "Kind:         Wombat", "Color:  brown", "Mood:  fine")
	})
	simulated.Run(t, "go with their definition", func(t *testing.T) {
		k := k.in(t)
		contains(t, k.run("delete", "crd", "wombats.example.com", "--timeout=20s"), `customresourcedefinition.apiextensions.k8s.io "wombats.example.com" deleted`)
		contains(t, k.refused("get", "wombats.example.com"), `error: the server doesn't have a resource type "wombats"`)
	})
}
