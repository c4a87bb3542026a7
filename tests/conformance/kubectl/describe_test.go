package kubectl

import (
	"testing"

	"scale-agent/tests/conformance/simulated"
)

func TestDescribe(t *testing.T) {
	k := user(t)
	define(k)
	k.feed(aWombat, "create", "-f", "-")
	k.feed(described, "apply", "-f", "-")
	k.run("rollout", "status", "deployment/web", "--timeout=20s")
	describes := func(texts ...string) func(*testing.T) {
		return func(t *testing.T) {
			what := t.Name()[len("TestDescribe/"):]
			contains(t, k.in(t).run("describe", what), texts...)
		}
	}
	simulated.Run(t, "nodes", describes("Name:               node-1", "Roles:              control-plane,etcd,worker", "Capacity:", "cpu:                4", "Conditions:", "KubeletReady", "Allocated resources:", "Non-terminated Pods:"))
	simulated.Run(t, "namespace", describes("Name:         default", "Status:       Active", "No resource quota."))
	simulated.Run(t, "deployment", describes("Name:                   web", "Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable", "StrategyType:           RollingUpdate", "Image:         nginx:1.29", "NewReplicaSet:   web-", "Events:", "ScalingReplicaSet", "Scaled up replica set web-"))
	simulated.Run(t, "replicaset", describes("Controlled By:  Deployment/web", "Replicas:       2 current / 2 desired", "Pods Status:    2 Running / 0 Waiting / 0 Succeeded / 0 Failed", "SuccessfulCreate"))
	simulated.Run(t, "pods", describes("Controlled By:  ReplicaSet/web-", "Status:           Running", "Ready:          True", "QoS Class:                   BestEffort", "node.kubernetes.io/not-ready:NoExecute", "kube-api-access-"))
	simulated.Run(t, "service", describes("Selector:                 app=web", "Type:                     ClusterIP", "Port:                     http  80/TCP", "Endpoints:                10.", "Session Affinity:         None"))
	simulated.Run(t, "configmap", describes("Name:         settings", "color:\n----\nblue"))
	simulated.Run(t, "secret", describes("Type:  Opaque", "password:  6 bytes"))
	simulated.Run(t, "serviceaccount", describes("Name:                default"))
	simulated.Run(t, "role", describes("Name:         reader", "pods       []                 []              [get list]"))
	simulated.Run(t, "rolebinding", describes("Role:\n  Kind:  Role\n  Name:  reader", "ServiceAccount  default"))
	simulated.Run(t, "quota", describes("configmaps", "10"))
	simulated.Run(t, "limitrange", describes("Container", "memory"))
	simulated.Run(t, "pvc", describes("Name:          data", "Access Modes:"))
	simulated.Run(t, "job", describes("Parallelism:", "Completions:"))
	simulated.Run(t, "cronjob", describes("Schedule:                      0 3 * * *", "Concurrency Policy:            Allow"))
	simulated.Run(t, "statefulset", describes("Name:               db", "Replicas:           1 desired"))
	simulated.Run(t, "daemonset", describes("Name:           agent", "Desired Number of Nodes Scheduled: 1"))
	simulated.Run(t, "ingress", describes("example.com", "/   web:80"))
	simulated.Run(t, "networkpolicy", describes("Allowing ingress traffic", "app=web"))
	simulated.Run(t, "hpa", describes("Deployment/web", "Max replicas:"))
	simulated.Run(t, "pdb", describes("Min available:  1", "Allowed disruptions:"))
	simulated.Run(t, "crd", describes("Kind:         CustomResourceDefinition", "Plural:     wombats", "Established"))
	simulated.Run(t, "wombats.example.com", describes("Kind:         Wombat", "Size:   3"))
}

const described = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.29", ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
---
apiVersion: v1
kind: Secret
metadata: {name: credentials}
stringData: {password: hushed}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: default}]
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: bounds}
spec: {hard: {configmaps: "10"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: bounds}
spec: {limits: [{type: Container, max: {memory: 1Gi}}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: busybox}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: 0 3 * * *
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: busybox}]}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "postgres:17"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:1"}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules: [{host: example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 5}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
`
