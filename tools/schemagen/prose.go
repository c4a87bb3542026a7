package main

import (
	"regexp"
	"strings"
)

// keptProse is the length (bytes) up to which a description stays: "OK", "Created", the names of parameters.
const keptProse = 20

const proseFiller = "the text of the published document is longer than what this one says about it and has the same size on the wire "

var escape = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)`)

var description = regexp.MustCompile(`"description":"(?:[^"\\]|\\.)*"`)

// withoutProse replaces every longer description by filler of the same length in bytes, with as many escapes, so that it has the same
// length in protobuf, too; everything else stays as it is.
func withoutProse(document []byte) []byte {
	text := strings.Repeat(proseFiller, 200)
	return description.ReplaceAllFunc(document, func(found []byte) []byte {
		size := len(found) - len(`"description":""`)
		if size <= keptProse {
			return found
		}
		for len(text) < size {
			text += text
		}
		escapes := strings.Join(escape.FindAllString(string(found), -1), "")
		return []byte(`"description":"` + text[:size-1-len(escapes)] + escapes + `."`)
	})
}
