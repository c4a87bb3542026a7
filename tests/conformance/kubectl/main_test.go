// Package kubectl runs the real kubectl (k8s.io/kubectl) and the real Helm library against one served cluster.
//
// There is no second binary to build: the test binary, started with asKubectl in its environment, is kubectl.
package kubectl

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"scale-agent/tests/conformance/simulated"
)

const asKubectl = "SCALE_AGENT_AS_KUBECTL"

func TestMain(m *testing.M) {
	if os.Getenv(asKubectl) == "" {
		os.Exit(m.Run())
	}
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil { // as cmd/kubectl does
		util.CheckErr(err)
	}
}

// deadline of one command: generous, as other work may share the machine.
const deadline = 40 * time.Second

// kubectl runs commands in one namespace of one cluster.
type kubectl struct {
	t         *testing.T
	env       []string
	namespace string
}

// user starts a cluster and gives a kubectl in a namespace of its own, which is called after the test. Each test has its
// cluster, so that they run side by side.
func user(t *testing.T) kubectl {
	t.Helper()
	t.Parallel()
	return userOf(t, simulated.Serve(t, "small.yaml"))
}

func userOf(t *testing.T, api *simulated.API) kubectl {
	t.Helper()
	k := kubectl{t: t, env: append(os.Environ(), asKubectl+"=1", "KUBECONFIG="+api.Kubeconfig, "HOME="+t.TempDir(), "TERM=dumb")}
	name := "clients-" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-"))
	if len(name) > 50 {
		name = name[:50]
	}
	if os.Getenv(simulated.Elsewhere) != "" {
		name += fmt.Sprintf("-%x", time.Now().UnixMilli()%1e8) // that server may still be deleting the last one
		t.Cleanup(func() { k.command(context.Background(), "delete", "namespace", name, "--wait=false").Run() })
	}
	k.run("create", "namespace", name)
	k.namespace = name
	return k
}

// for a subtest.
func (k kubectl) in(t *testing.T) kubectl {
	k.t = t
	return k
}

func (k kubectl) with(env ...string) kubectl {
	k.env = append(append([]string{}, k.env...), env...)
	return k
}

func (k kubectl) command(ctx context.Context, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		k.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args, cmd.Env = append([]string{"kubectl"}, args...), k.env
	if k.namespace != "" {
		cmd.Args = append([]string{"kubectl", "--namespace", k.namespace}, args...)
	}
	return cmd
}

// result is what a command left.
type result struct {
	stdout, stderr string
	code           int
}

func (k kubectl) do(stdin string, args ...string) result {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := k.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		k.t.Fatalf("kubectl %s: does not end: %s%s", strings.Join(args, " "), short(stdout.String()), short(stderr.String()))
	}
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		k.t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// run gives the standard output of a command that must succeed.
func (k kubectl) run(args ...string) string {
	k.t.Helper()
	return k.feed("", args...)
}

// feed is run with something on standard input.
func (k kubectl) feed(stdin string, args ...string) string {
	k.t.Helper()
	got := k.do(stdin, args...)
	if got.code != 0 {
		k.t.Fatalf("kubectl %s: exit code %d\n%s%s", strings.Join(args, " "), got.code, short(got.stdout), short(got.stderr))
	}
	return got.stdout
}

// refused gives the standard error of a command that must fail.
func (k kubectl) refused(args ...string) string {
	k.t.Helper()
	got := k.do("", args...)
	if got.code == 0 {
		k.t.Fatalf("kubectl %s: succeeded\n%s%s", strings.Join(args, " "), short(got.stdout), short(got.stderr))
	}
	return got.stderr
}

// process is a command that goes on.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	mu     sync.Mutex
	output bytes.Buffer
}

func (p *process) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(data)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// start runs a command until the test ends.
func (k kubectl) start(args ...string) *process {
	k.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t: k.t, cmd: k.command(ctx, args...)}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { cancel(); p.cmd.Wait() })
	return p
}

// says waits until the process has printed the texts.
func (p *process) says(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		simulated.Eventually(p.t, deadline, "the process says "+text+"; it says: "+short(p.said()), func() bool { return strings.Contains(p.said(), text) })
	}
}

// short is a text as far as a message of a failed test needs it.
func short(text string) string {
	if len(text) > 800 {
		return text[:400] + "\n…\n" + text[len(text)-400:]
	}
	return text
}

// contains fails the test for each text that is not there.
func contains(t *testing.T, got string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not in:\n%s", text, short(got))
		}
	}
}

// row finds the line that begins with a word, as its columns.
func row(t *testing.T, table, name string) []string {
	t.Helper()
	for line := range strings.Lines(table) {
		if columns := strings.Fields(line); len(columns) > 0 && columns[0] == name {
			return columns
		}
	}
	t.Fatalf("no row %s in:\n%s", name, short(table))
	return nil
}

// equal compares trimmed texts.
func equal(t *testing.T, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
