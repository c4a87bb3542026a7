package main

import (
	"fmt"
	"io"
	"os"
)

// serve starts a new control plane, says where its kubeconfig is, and stops it at the end of its input.
func serve() error {
	plane, err := startControlPlane()
	if err != nil {
		return err
	}
	defer plane.stop()
	fmt.Println(plane.path("kubeconfig"))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
