package main

import (
	"fmt"
	"io"
	"time"
)

// refused opens streams that the far end ends at once, without a byte: smux has no other way to say that a stream may
// not be. The session has to outlive them.
func refused(t task) (string, error) {
	count := t.number(0, 100)
	err := each(count, 8, func(i int64) error {
		c, err := t.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		var first [1]byte
		if n, err := c.Read(first[:]); n != 0 || err != io.EOF {
			return fmt.Errorf("want the end before the first byte, got %d bytes and %v", n, err)
		}
		return nil
	})
	return fmt.Sprintf("refused=%d", count), err
}
