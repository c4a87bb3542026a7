package main

import (
	"regexp"
	"strings"
)

// keptProse is the length (bytes) up to which a description stays: "OK", "Created", the names of parameters.
const keptProse = 20

const filler = "the text of the published document is longer than what this one says about it and has the same size on the wire "

var description = regexp.MustCompile(`"description":"(?:[^"\\]|\\.)*"`)

// withoutProse replaces every longer description by filler of the same length in bytes; everything else stays as it is.
func withoutProse(document []byte) []byte {
	text := strings.Repeat(filler, 200)
	return description.ReplaceAllFunc(document, func(found []byte) []byte {
		size := len(found) - len(`"description":""`)
		if size <= keptProse {
			return found
		}
		for len(text) < size {
			text += text
		}
		return []byte(`"description":"` + text[:size-1] + `."`)
	})
}
