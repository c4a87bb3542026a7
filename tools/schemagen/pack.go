package main

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"strings"
)

// pack compresses a data file with zlib, which Python's standard library reads; raw files stay as they are for generate.py, which
// has a compressor that sees the likeness of documents that are megabytes apart.
func pack(name string, content []byte) ([]byte, error) {
	if strings.HasSuffix(name, ".raw") {
		return content, nil
	}
	var buffer bytes.Buffer
	writer, err := zlib.NewWriterLevel(&buffer, zlib.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(content); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

type member struct {
	name    string
	content []byte
}

// archive is one line of JSON, the members' names and lengths in order, and then the members.
func archive(members []member) ([]byte, error) {
	entries := [][2]any{}
	for _, one := range members {
		entries = append(entries, [2]any{one.name, len(one.content)})
	}
	head, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	packed := append(head, '\n')
	for _, one := range members {
		packed = append(packed, one.content...)
	}
	return packed, nil
}
