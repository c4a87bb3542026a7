package main

import (
	"time"
)

func (s *shared) remove(c *cluster) {
	if !s.registry.removing(c) {
		return
	}
	l := c.life
	l.mu.Lock()
	if l.unwatch != nil {
		l.unwatch()
	}
	running := l.run
	tunnel := l.sessions["main"] > 0 && l.config != nil
	if tunnel {
		l.cleanup = newRun(l, s.deletion, deletionLanes, func(time.Time) { l.later(100*time.Millisecond, l.end) })
	}
	cleanup := l.cleanup
	l.mu.Unlock()
	if running != nil {
		running.stop()
	}
	l.closeLanes(false)
	if !tunnel {
		l.later(250*time.Millisecond, l.end)
		return
	}
	l.later(cleanupLimit, func() { s.books.fail("deletion", "the clean-up was not done in 30 s"); l.end() })
	for _, fact := range []string{"synced", "ready", "start"} {
		cleanup.signal(fact)
	}
}

func (l *life) end() {
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return
	}
	l.gone = true
	l.mu.Unlock()
	l.on.registry.forget(l.c)
	l.closeLanes(false)
	l.cancel()
}
