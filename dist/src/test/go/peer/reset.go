package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"time"

	"culvert/test/over"
)

// reset ends streams abruptly, from this side and from the service in turn. Afterwards an echo must still work, and
// no stream may be left here; ask the service with "streams" what is left there.
//
// With the argument blind, half of the streams that end here are being written by a service that does not read. In
// stock smux 1.5.57, version 2, such a writer waits for a window for ever, and its stream stays in the session; older
// releases take FIN for the end of both directions and wake it.
func reset(t task) (string, error) {
	count := t.number(0, 1000)
	if t.word != "" && t.word != "blind" {
		return "", fmt.Errorf("reset does not know %q", t.word)
	}
	err := each(count, 8, func(i int64) error {
		switch {
		case i%2 == 0:
			return t.waitForAbort()
		case i%4 == 1 && t.word == "blind":
			return t.abortAgainst(orderBlind, i)
		default:
			return t.abortAgainst(orderFlood, i)
		}
	})
	if err != nil {
		return "", err
	}
	c, err := t.openFor(orderEcho)
	if err != nil {
		return "", fmt.Errorf("after %d resets: %w", count, err)
	}
	if err := exchange(c, t.seed, 1<<20); err != nil {
		return "", fmt.Errorf("after %d resets: %w", count, err)
	}
	c.Close()
	for limit := time.Now().Add(10 * time.Second); t.NumStreams() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			return "", fmt.Errorf("%d streams are left in the session", t.NumStreams())
		}
	}
	return fmt.Sprintf("resets=%d", count), nil
}

// abortAgainst sends something to a service that sends too, and ends with the answer unread, at one time before its
// first byte arrives and at another after it.
func (t task) abortAgainst(what order, i int64) error {
	c, err := t.openFor(what)
	if err != nil {
		return err
	}
	defer abort(c)
	dice := rand.New(rand.NewSource(int64(t.seed) + i))
	err = send(c, t.seed, dice.Int63n(10000))
	if err == nil && dice.Intn(2) == 0 {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err = io.ReadFull(c, make([]byte, 1))
	}
	if what == orderBlind {
		return nil // the service may have ended first
	}
	return err
}

// waitForAbort must see the stream end, with whatever error.
func (t task) waitForAbort() error {
	c, err := t.openFor(orderAbort)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{c}); over.IsTimeout(err) {
		return errors.New("the abrupt end of the service never arrived")
	}
	return nil
}
