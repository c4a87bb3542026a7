package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

var protoModules = []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator"}

// moduleDir is where the go command keeps the sources of a module.
func moduleDir(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}

func protoFiles() (map[string][]byte, error) {
	roots := map[string]string{}
	names := []string{}
	for _, module := range protoModules {
		dir, err := moduleDir(module)
		if err != nil {
			return nil, err
		}
		roots[module] = dir
		found, err := generatedProtos(module, dir)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	sort.Strings(names)
	set, err := compile(roots, names)
	if err != nil {
		return nil, err
	}
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return nil, err
	}
	models, err := json.Marshal(openAPIModels())
	return map[string][]byte{"descriptors.pb.z": content, "openapi-models.json.z": models}, err
}

func generatedProtos(module, dir string) ([]string, error) {
	names := []string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == "testdata" || entry.Name() == "testing" || entry.Name() == "examples" {
			return fs.SkipDir
		}
		if entry.Name() == "generated.proto" {
			relative, err := filepath.Rel(dir, path)
			names = append(names, module+"/"+filepath.ToSlash(relative))
			return err
		}
		return nil
	})
	return names, err
}

func compile(roots map[string]string, names []string) (*descriptorpb.FileDescriptorSet, error) {
	resolver := &protocompile.SourceResolver{}
	for _, module := range protoModules {
		resolver.ImportPaths = append(resolver.ImportPaths, roots[module])
	}
	open := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		for _, module := range protoModules {
			if rest, found := strings.CutPrefix(path, module+"/"); found {
				return resolver.FindFileByPath(rest)
			}
		}
		return protocompile.SearchResult{}, fs.ErrNotExist
	})
	files, err := (&protocompile.Compiler{Resolver: protocompile.WithStandardImports(open)}).Compile(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range files {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
	}
	return set, nil
}
