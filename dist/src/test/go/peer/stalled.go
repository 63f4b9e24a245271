package main

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

const (
	healthyBytes = 64 << 20
	healthyLimit = 15 * time.Second
)

// stalled measures a healthy stream beside some that stand still because nobody reads them: at the client (down) or
// at the service (up). Use one session, or the healthy stream may get one for itself.
//
// What must hold depends on who receives. Stock smux stops reading the whole session when 4 MiB wait in it unread. In
// version 1 a single stalled stream does that; in version 2, where a stream holds up to 256 KiB, sixteen do. With stock
// smux as the receiver of so many the work fails by design.
func stalled(t task) (string, error) {
	streams := t.number(0, 1)
	var stall order
	var up, down int64
	switch t.word {
	case "down":
		stall, down = orderFlood, healthyBytes
	case "up":
		stall, up = orderIdle, healthyBytes
	default:
		return "", errors.New("stalled needs a direction, down or up")
	}
	unread, err := t.stall(stall, streams)
	if err != nil {
		return "", err
	}
	rate, err := t.healthy(up, down)
	if err != nil {
		return "", fmt.Errorf("healthy stream beside %d stalled %s: %w", streams, t.word, err)
	}
	for _, c := range unread {
		c.Close()
	}
	return fmt.Sprintf("direction=%s stalled=%d MBps=%.1f", t.word, streams, rate), nil
}

// stall opens streams that nobody reads, and returns when they stand still.
func (t task) stall(what order, streams int64) (unread []net.Conn, err error) {
	var accepted atomic.Int64
	for int64(len(unread)) < streams {
		c, err := t.openFor(what)
		if err != nil {
			return nil, err
		}
		unread = append(unread, c)
		if what == orderIdle {
			go send(counted{c, &accepted}, 0, 1<<62)
		}
	}
	// What the service sends cannot be counted here without reading it: it gets a second to fill every buffer.
	for start, before := time.Now(), int64(-1); accepted.Load() != before; {
		if time.Since(start) > 10*time.Second {
			return nil, fmt.Errorf("%d bytes were accepted, and more are, for a service that reads none", before)
		}
		before = accepted.Load()
		time.Sleep(time.Second)
	}
	return unread, nil
}

// healthy does an echo and a transfer and returns the rate of the transfer in MB/s. It gives up even where an open, a
// write or a close hangs.
func (t task) healthy(up, down int64) (rate float64, err error) {
	var moved atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		rate, err = t.echoAndTransfer(up, down, &moved)
	}()
	select {
	case <-done:
		return rate, err
	case <-time.After(healthyLimit):
		return 0, fmt.Errorf("not done after %s, %d bytes moved", healthyLimit, moved.Load())
	}
}

func (t task) echoAndTransfer(up, down int64, moved *atomic.Int64) (float64, error) {
	c, err := t.openFor(orderEcho)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := exchange(counted{c, moved}, t.seed, 1<<20); err != nil {
		return 0, err
	}
	if c, err = t.openFor(orderBulk); err != nil {
		return 0, err
	}
	defer c.Close()
	upRate, downRate, err := transfer(counted{c, moved}, t.seed, up, down)
	if up > 0 {
		return upRate, err
	}
	return downRate, err
}

// counted counts what is read and written.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}
