package main

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// step is one recorded request; see the stand-in's condense/steps.py for what the fields mean.
type step struct {
	ID       int             `json:"id"`
	At       float64         `json:"at"`
	Anchor   string          `json:"anchor"`
	Conn     int             `json:"conn"`
	Client   string          `json:"client"`
	Method   string          `json:"method"`
	Path     string          `json:"path"`
	Query    map[string]any  `json:"query"`
	Headers  int             `json:"headers"`
	Encoding string          `json:"encoding"`
	Body     json.RawMessage `json:"body"`
	Change   bool            `json:"change"`
	Stale    bool            `json:"stale"`
	Status   int             `json:"status"`
	Watch    bool            `json:"watch"`
	After    []int           `json:"after"`
	Needs    []string        `json:"needs"`
	Marks    []string        `json:"marks"`
}

// script is one recording: its steps, who waits for whom, and the objects that have to be remembered.
type script struct {
	Steps        []*step             `json:"steps"`
	Headers      []map[string]string `json:"headers"`
	followers    [][]int
	firstWatches map[int]bool
	watchLanes   map[int]bool
	pooled       map[int]bool // Rancher's lanes that no watch has
	wanted       []string
	requests     int
}

// answerTemplate is one recorded answer of Rancher's REST API.
type answerTemplate struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	JSON   bool   `json:"json"`
}

func load(directory, name string, into any) error {
	file, err := os.Open(filepath.Join(directory, name+".json.gz"))
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	return json.NewDecoder(unzipped).Decode(into)
}

func loadScript(directory, name string) (*script, error) {
	s := &script{}
	if err := load(directory, name, s); err != nil {
		return nil, err
	}
	s.link()
	return s, nil
}

func (s *script) link() {
	s.followers, s.firstWatches = make([][]int, len(s.Steps)), map[int]bool{}
	s.watchLanes, s.pooled = map[int]bool{}, map[int]bool{}
	wanted, syncedFrom := map[string]bool{}, 1e18
	for _, one := range s.Steps {
		for _, number := range one.After {
			s.followers[number] = append(s.followers[number], one.ID)
		}
		if one.Anchor == "start" && has(one.Needs, "synced") {
			syncedFrom = min(syncedFrom, one.At)
		}
		if !one.Watch {
			s.requests++
		}
		one.wants(wanted)
	}
	for _, one := range s.Steps {
		if one.Watch {
			s.watchLanes[one.Conn] = true
		}
		if one.Watch && one.At <= syncedFrom {
			s.firstWatches[one.ID] = true
		}
	}
	for _, one := range s.Steps {
		s.pooled[one.Conn] = one.Client == "rancher" && !s.watchLanes[one.Conn]
	}
	for path := range wanted {
		if !strings.Contains(path, "${name:") {
			s.wanted = append(s.wanted, path)
		}
	}
}

// wants adds the templates of the paths whose objects the step changes, waits for, or names the uid of.
func (s *step) wants(wanted map[string]bool) {
	if s.Change {
		wanted[s.Path] = true
	}
	for _, need := range append([]string{s.Anchor}, s.Needs...) {
		if path, ok := strings.CutPrefix(need, "object:"); ok {
			wanted[path] = true
		}
	}
	rest := string(s.Body)
	for {
		at := strings.Index(rest, "${uid:")
		if at < 0 {
			return
		}
		end := closing(rest, at+2)
		wanted[rest[at+len("${uid:"):end]] = true
		rest = rest[end:]
	}
}

func has(list []string, one string) bool {
	for _, item := range list {
		if item == one {
			return true
		}
	}
	return false
}

// closing is where the placeholder that began before "from" ends; one may be inside another.
func closing(text string, from int) int {
	for depth, i := 1, from; i < len(text); i++ {
		switch {
		case text[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		case strings.HasPrefix(text[i:], "${"):
			depth++
		}
	}
	return len(text)
}

// fill replaces ${name}, inner ones first.
func fill(text string, lookup func(string) string) string {
	at := strings.Index(text, "${")
	if at < 0 {
		return text
	}
	var out strings.Builder
	for at >= 0 {
		end := closing(text, at+2)
		out.WriteString(text[:at])
		out.WriteString(lookup(fill(text[at+2:min(end, len(text))], lookup)))
		text = text[min(end+1, len(text)):]
		at = strings.Index(text, "${")
	}
	out.WriteString(text)
	return out.String()
}

// escaped makes a lookup for placeholders inside JSON text.
func escaped(lookup func(string) string) func(string) string {
	return func(name string) string {
		value := lookup(name)
		if !strings.ContainsAny(value, "\"\\\n\r\t") {
			return value
		}
		quoted, _ := json.Marshal(value)
		return string(quoted[1 : len(quoted)-1])
	}
}
