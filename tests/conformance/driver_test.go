package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// driver is the child process with the simulated clusters (driver.py).
type driver struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// status is one answer of the driver: what our side of the tunnels holds.
type status struct {
	Connections map[string]int `json:"connections"` // open tunnelled connections by cluster, main tunnel
	Errors      []string       `json:"errors"`
}

// startDriver runs clusters named key-0, key-1, … against the server, until the test ends.
func startDriver(t *testing.T, r *rancher, mode string, clusters int) *driver {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-m", "tests.conformance.driver", "--server", r.url(), "--ca", r.caFile(),
		"--mode", mode, "--clusters", fmt.Sprint(clusters))
	cmd.Dir, cmd.Stderr = root, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &driver{t: t, cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	t.Cleanup(d.stop)
	return d
}

func (d *driver) stop() {
	d.stdin.Close() // the driver ends when its standard input does
	timer := time.AfterFunc(10*time.Second, func() { d.cmd.Process.Kill() })
	defer timer.Stop()
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("driver: %v", err)
	}
}

// ask sends one command line and decodes the one-line JSON answer.
func (d *driver) ask(command string) status {
	d.t.Helper()
	if _, err := fmt.Fprintln(d.stdin, command); err != nil {
		d.t.Fatal(err)
	}
	line, err := d.stdout.ReadBytes('\n')
	if err != nil {
		d.t.Fatalf("driver: %v", err)
	}
	var s status
	if err := json.Unmarshal(line, &s); err != nil {
		d.t.Fatalf("driver said %q: %v", line, err)
	}
	return s
}

// cluster starts one server and one simulated cluster that is connected to it.
func cluster(t *testing.T) (*rancher, *driver, string) {
	t.Helper()
	r := newRancher(t)
	d := startDriver(t, r, "cluster", 1)
	r.awaitSession("key-0", 30*time.Second)
	return r, d, "key-0"
}
