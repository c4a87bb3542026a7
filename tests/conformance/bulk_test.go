package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/rancher/remotedialer"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const bulk = 64 << 20

// slowly lets bytes through in pieces with pauses, so that buffers of both sides fill and Pause and Resume must work.
func slowly(reader io.Reader, total int64) (hash []byte, err error) {
	sum, buffer, read := sha256.New(), make([]byte, 256<<10), int64(0)
	for read < total {
		n, err := reader.Read(buffer)
		sum.Write(buffer[:n])
		if read += int64(n); err != nil {
			return nil, fmt.Errorf("after %d of %d bytes: %w", read, total, err)
		}
		time.Sleep(2 * time.Millisecond) // the slow reader is the thing under test
	}
	return sum.Sum(nil), nil
}

// content is what source:1 sends and sink:1 must get.
func content() []byte {
	data := make([]byte, bulk)
	for i := range data {
		data[i] = byte(31*i + i>>16)
	}
	return data
}

// bulkPair starts a bare session and opens one connection to it.
func bulkPair(t *testing.T, address string) (*driver, remotedialer.Dialer, net.Conn) {
	t.Helper()
	r := newRancher(t)
	d := startDriver(t, r, "bulk", 1)
	r.awaitSession("key-0", 30*time.Second)
	dial := r.dialer.Dialer("key-0")
	conn, err := dial(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return d, dial, conn
}

// TestSixtyFourMegabytesToASlowRancher: Rancher's end reads slowly, pauses us, and must be obeyed; a neighbour on the
// same websocket goes on. One direction at a time: the module's one flag for both directions makes its own writer wait
// for ever when both are full on one connection (docs/remotedialer.md, section 6).
func TestSixtyFourMegabytesToASlowRancher(t *testing.T) {
	d, dial, conn := bulkPair(t, "source:1")
	other := make(chan error, 1)
	go func() { other <- smallEcho(dial) }()
	got, err := slowly(conn, bulk)
	if err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(content()); !bytes.Equal(got, want[:]) {
		t.Error("what came is not what was sent")
	}
	if err := <-other; err != nil {
		t.Error(err)
	}
	conn.Close()
	drained(t, d, "key-0")
}

// TestSixtyFourMegabytesToASlowAgent: our end reads slowly and must pause the real module, and resume it.
func TestSixtyFourMegabytesToASlowAgent(t *testing.T) {
	d, dial, conn := bulkPair(t, "sink:1")
	other := make(chan error, 1)
	go func() { other <- smallEcho(dial) }()
	data := content()
	if err := inPieces(conn, data); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, sha256.Size)
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(data); !bytes.Equal(got, want[:]) {
		t.Error("what arrived is not what was sent")
	}
	if err := <-other; err != nil {
		t.Error(err)
	}
	conn.Close()
	drained(t, d, "key-0")
}

// inPieces writes as Rancher does: one message per TLS record or copied buffer, never more than 32 KiB.
func inPieces(conn io.Writer, content []byte) error {
	for piece := range slices.Chunk(content, 32<<10) {
		if _, err := conn.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// smallEcho is a neighbour on the same websocket: it must not wait for the slow one.
func smallEcho(dial func(context.Context, string, string) (net.Conn, error)) error {
	conn, err := dial(context.Background(), "tcp", "echo:1")
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	for i := range 100 {
		if _, err := fmt.Fprintf(conn, "%04d", i); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
			return fmt.Errorf("neighbour's echo %d: %w", i, err)
		}
	}
	return nil
}

// TestLargeListThroughTheAPI writes 24 MB of config maps through the API and reads them back in one answer.
func TestLargeListThroughTheAPI(t *testing.T) {
	r, _, key := cluster(t)
	maps := typed(r, key).CoreV1().ConfigMaps("default")
	ctx := context.Background()
	value := string(bytes.Repeat([]byte("x"), 900<<10))
	for i := range 27 {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("large-%02d", i)}, Data: map[string]string{"value": value}}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := maps.List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, item := range list.Items {
		total += len(item.Data["value"])
	}
	if total != 27*len(value) {
		t.Errorf("%d bytes came back, %d were written", total, 27*len(value))
	}
}
