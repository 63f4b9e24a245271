package main

import (
	"fmt"
	"sync/atomic"
)

// each calls do for every number below count, from so many workers at once. At the first error it returns, even if
// other workers still hang.
func each(count, workers int64, do func(i int64) error) error {
	var next atomic.Int64
	results := make(chan error, workers)
	for w := int64(0); w < workers; w++ {
		go func() {
			for i := next.Add(1) - 1; i < count; i = next.Add(1) - 1 {
				if err := do(i); err != nil {
					results <- fmt.Errorf("stream %d: %w", i, err)
					return
				}
			}
			results <- nil
		}()
	}
	for w := int64(0); w < workers; w++ {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}
