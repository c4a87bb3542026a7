// What the tool is built from is pinned by Kubernetes version in versions/ (go build -modfile); see generate.py.
module scale-agent/tools/schemagen

go 1.24
