// Package simulated starts `python -m scale_agent api` for tests: a real process, a real port, a kubeconfig.
package simulated

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Elsewhere names a kubeconfig: the same tests then ask that server. So they can be held against a real one.
const Elsewhere = "SCALE_AGENT_TEST_KUBECONFIG"

// API is one served cluster.
type API struct {
	Kubeconfig string
	Config     *rest.Config
}

// Serve starts a cluster made of a profile (a file name in profiles/, or a whole path) that lives as long as the test. The test fails if
// the process says anything on standard error, as it does when it failed at a request, or does not end cleanly.
func Serve(t *testing.T, profile string) *API {
	t.Helper()
	SkipIfNotYet(t)
	path := os.Getenv(Elsewhere)
	if path == "" {
		path = filepath.Join(t.TempDir(), "kubeconfig")
		if !filepath.IsAbs(profile) {
			profile = filepath.Join(Root(), "profiles", profile)
		}
		start(t, "--profile", profile, "--kubeconfig", path)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 1000, 1000 // the tests are quicker than a person
	return &API{Kubeconfig: path, Config: config}
}

// Root is the project's directory.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(file))))
}

// With is a profile in which switches that are off are on: rbac, metrics_server.
func With(t *testing.T, profile string, switches ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), "profiles", profile))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range switches {
		if !bytes.Contains(text, []byte("\n"+one+": false")) {
			t.Fatalf("%s has no %s: false", profile, one)
		}
		text = bytes.Replace(text, []byte("\n"+one+": false"), []byte("\n"+one+": true "), 1)
	}
	path := filepath.Join(t.TempDir(), profile)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func start(t *testing.T, options ...string) {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	cmd := exec.Command(python, append([]string{"-m", "scale_agent", "api"}, options...)...)
	said := &output{}
	cmd.Dir, cmd.Stderr = Root(), said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, cmd, said) })
	serving := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "serving") {
		}
		serving <- lines.Text()
	}()
	select {
	case line := <-serving:
		if line == "" {
			t.Fatal("the process did not serve")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the process does not serve within 30 s")
	}
}

func end(t *testing.T, cmd *exec.Cmd, said *output) {
	cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the process: %v", err)
	}
	if text := said.String(); text != "" {
		t.Errorf("the process said: %s", text)
	}
}

// output is a buffer that a process writes while a test may read it.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// Eventually waits until done says so.
func Eventually(t *testing.T, timeout time.Duration, what string, done func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, timeout, true, func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		t.Fatalf("not within %s: %s", timeout, what)
	}
}

// Must gives the value of a call that must succeed.
func Must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
