package main

import (
	"bytes"
	"compress/zlib"
	"strings"
)

// pack compresses a data file with zlib, which Python's standard library reads; zip files stay as they are.
func pack(name string, content []byte) ([]byte, error) {
	if strings.HasSuffix(name, ".zip") {
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
