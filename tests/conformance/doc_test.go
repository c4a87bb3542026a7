// Package conformance puts the real libraries at the other end of a simulated cluster's tunnel:
// the server of github.com/rancher/remotedialer, as Rancher runs it, and client-go over its dialer.
// Whatever they do not accept, Rancher would not accept either.
//
// The simulated clusters run in a child process (driver.py) that dials this process's server, so each test
// goes through real sockets, TLS, websockets, remotedialer frames, TLS again, and HTTP.
//
// The packages below serve one cluster by itself (python -m scale_agent api) and try real clients on it: clients has
// client-go and controller-runtime, kubectl the real kubectl, helm Helm's library.
package conformance
