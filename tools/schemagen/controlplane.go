package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	etcdmain "go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// The parts' names are what managed fields call them.
//
// controlPlaneArgument makes this program run one part of the control plane: "schemagen control-plane etcd FLAGS...".
const controlPlaneArgument = "control-plane"

const (
	apiPort    = "27443"
	clientPort = "27444"
	peerPort   = "27445"
	token      = "schemagen"
)

func runControlPlane(arguments []string) {
	os.Args = arguments
	switch arguments[0] {
	case "etcd":
		etcdmain.Main(os.Args)
	case "apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kcm":
		os.Exit(cli.Run(controllermanager.NewControllerManagerCommand()))
	}
}

// controlPlane is etcd, kube-apiserver and kube-controller-manager of the published modules on loopback, in a temporary directory.
type controlPlane struct {
	dir    string
	parts  []*exec.Cmd
	client *http.Client
}

var certificate string

// controlPlaneCertificate is the authority that the new cluster hands out in its ConfigMaps.
func controlPlaneCertificate() string { return certificate }

func startControlPlane() (*controlPlane, error) {
	dir, err := os.MkdirTemp("", "schemagen")
	if err != nil {
		return nil, err
	}
	insecure := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // our own server on loopback
	plane := &controlPlane{dir: dir, client: &http.Client{Transport: insecure, Timeout: time.Minute}}
	if err := plane.start(); err != nil {
		plane.stop()
		return nil, err
	}
	return plane, nil
}

func (plane *controlPlane) path(name string) string { return filepath.Join(plane.dir, name) }

func (plane *controlPlane) start() error {
	if err := plane.writeFiles(); err != nil {
		return err
	}
	etcd := "http://127.0.0.1:" + clientPort
	if err := plane.run("etcd", "--data-dir", plane.path("etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", "http://127.0.0.1:"+peerPort, "--unsafe-no-fsync"); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	if err := plane.run("apiserver", "--etcd-servers", etcd, "--secure-port", apiPort, "--bind-address", "127.0.0.1",
		"--advertise-address", "127.0.0.1", "--cert-dir", plane.path("certs"), "--token-auth-file", plane.path("tokens.csv"),
		"--authorization-mode", "RBAC", "--service-account-key-file", plane.path("sa.key"), "--service-account-signing-key-file", plane.path("sa.key"),
		"--service-account-issuer", "https://kubernetes.default.svc.cluster.local", "--service-cluster-ip-range", "10.43.0.0/16",
		"--allow-privileged", "--endpoint-reconciler-type", "none"); err != nil {
		return err
	}
	if err := plane.waitReady(); err != nil {
		return err
	}
	return plane.run("kcm", "--kubeconfig", plane.path("kubeconfig"), "--service-account-private-key-file", plane.path("sa.key"),
		"--root-ca-file", plane.path("ca.crt"), "--use-service-account-credentials", "--secure-port", "0", "--leader-elect=false",
		"--controllers", "*,-nodeipam,-route,-service-lb-controller,-cloud-node-lifecycle")
}

func (plane *controlPlane) writeFiles() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	certificate = string(authority)
	kubeconfig := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],`+
		`"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:%s","insecure-skip-tls-verify":true}}],"users":[{"name":"u","user":{"token":"%s"}}]}`, apiPort, token)
	for name, content := range map[string][]byte{
		"sa.key":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"ca.crt":     authority,
		"tokens.csv": []byte(token + `,admin,admin,"system:masters"` + "\n"),
		"kubeconfig": []byte(kubeconfig),
	} {
		if err := os.WriteFile(plane.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func newAuthority() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "schemagen"},
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

func (plane *controlPlane) run(name string, flags ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(plane.path(name + ".log"))
	if err != nil {
		return err
	}
	part := exec.Command(self, append([]string{controlPlaneArgument, name}, flags...)...)
	part.Stdout, part.Stderr = log, log
	if err := part.Start(); err != nil {
		return err
	}
	plane.parts = append(plane.parts, part)
	return nil
}

func (plane *controlPlane) waitReady() error {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		if _, err := plane.get("/readyz", "*/*"); err == nil {
			return nil
		}
	}
	log, _ := os.ReadFile(plane.path("apiserver.log"))
	return fmt.Errorf("the API server does not become ready: %s", log[max(0, len(log)-2000):])
}

func (plane *controlPlane) get(path, accept string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, "https://127.0.0.1:"+apiPort+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := plane.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, answer.Status, content)
	}
	return content, err
}

func (plane *controlPlane) stop() {
	for i := len(plane.parts) - 1; i >= 0; i-- {
		_ = plane.parts[i].Process.Kill()
		_ = plane.parts[i].Wait()
	}
	_ = os.RemoveAll(plane.dir)
}
