// Command schemagen makes the data files of the simulated API server from the published Kubernetes modules.
//
//	python generate.py VERSION types protos defaults internals server
//
// "types" reflects over the Go structs of every registered kind, "protos" compiles the modules' generated.proto files,
// "defaults" asks the schemes what they fill into which field, "internals" how the server's own structs are written,
// "server" starts the published etcd and kube-apiserver in a temporary directory and keeps what a new cluster answers:
// discovery, OpenAPI and table columns (prose replaced by filler of the same length), and the objects that exist before
// anyone acts.
// "serve", alone, starts the same control plane for the tests' recorder (tests/kube/record.py) until its input ends.
// Nothing here knows a kind by name. Running it twice gives the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
)

// version is that of the k8s.io/kubernetes module that this program was built with; the data files carry it in their names.
var version = builtWith("k8s.io/kubernetes")

func builtWith(module string) string {
	info, known := debug.ReadBuildInfo()
	if known {
		for _, one := range info.Deps {
			if one.Path == module {
				return one.Version
			}
		}
	}
	return "unknown"
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == controlPlaneArgument {
		runControlPlane(os.Args[2:])
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		if err := serve(); err != nil {
			fail(err)
		}
		return
	}
	out := flag.String("out", "", "directory of the data files")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: schemagen -out DIR {types|protos|defaults|internals|server}... | schemagen serve")
		os.Exit(2)
	}
	parts := map[string]func() (map[string][]byte, error){
		"types": typeFiles, "protos": protoFiles, "defaults": defaultFiles, "internals": internalFiles,
		"server": serverFiles,
	}
	for _, name := range flag.Args() {
		part, known := parts[name]
		if !known {
			fail(fmt.Errorf("unknown part %q", name))
		}
		files, err := part()
		if err != nil {
			fail(fmt.Errorf("%s: %w", name, err))
		}
		if err := write(*out, files); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "schemagen:", err)
	os.Exit(1)
}

func write(dir string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(dir, version+"-"+name)
		packed, err := pack(name, content)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, packed, 0o644); err != nil {
			return err
		}
		fmt.Println(path, len(content), "->", len(packed))
	}
	return nil
}
