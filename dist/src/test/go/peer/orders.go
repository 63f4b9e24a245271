package main

import (
	"fmt"
	"io"
	"net"
	"time"
)

// An order is the first byte of a stream to the services "stalled" and "reset": it says how to behave on it.
type order byte

const (
	orderEcho  order = 'e'
	orderBulk  order = 'b'
	orderFlood order = 'f' // send without end until the client is gone
	orderBlind order = 'w' // send 4 MiB and close, without a look at what the client does meanwhile
	orderAbort order = 'a' // send a little and end abruptly
	orderIdle  order = 'i' // read nothing
)

// idleFor is longer than a healthy stream may take, so that a sink is idle for as long as that matters.
const idleFor = healthyLimit + 10*time.Second

func serveOrder(c net.Conn) error {
	var what [1]byte
	if _, err := io.ReadFull(c, what[:]); err != nil {
		return nil // reset before the order
	}
	switch order(what[0]) {
	case orderEcho:
		return serveEcho(c)
	case orderBulk:
		return serveBulk(c)
	case orderFlood:
		// Stock smux tells a writer nothing of the peer's close. The reader hears of it.
		go func() {
			io.Copy(io.Discard, c)
			c.Close()
		}()
		send(c, 0, 1<<62)
	case orderBlind:
		send(c, 0, 4<<20)
	case orderAbort:
		send(c, 0, 10000)
		abort(c)
	case orderIdle:
		time.Sleep(idleFor)
		io.Copy(io.Discard, c)
	default:
		return fmt.Errorf("unknown order %q", what)
	}
	return nil
}

// openFor opens a stream and gives the order.
func (t task) openFor(what order) (net.Conn, error) {
	c, err := t.Open()
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte{byte(what)}); err != nil {
		c.Close()
		return nil, fmt.Errorf("order: %w", err)
	}
	return c, nil
}

// abort ends a stream as abruptly as it can: TCP sends a reset, smux knows none and sends FIN.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}
