package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const greetingMagic = 0x43554c5645525421

var greetings atomic.Uint64

// serveGreeting speaks first: 16 bytes with a number that no other stream gets. Then it returns the client's byte.
func serveGreeting(c net.Conn) error {
	var hello [16]byte
	binary.BigEndian.PutUint64(hello[:], greetingMagic)
	binary.BigEndian.PutUint64(hello[8:], greetings.Add(1))
	c.Write(hello[:])
	_, err := io.CopyN(c, c, 1)
	if err == io.EOF {
		return nil // the client gave up, and says so
	}
	return err
}

// greeting opens streams and waits for the server to speak. It sends nothing before, for a frame from the client
// would hide what is tested here: up to 1.5.57 a stock smux client registers a stream only after its SYN is out, and
// drops what a fast server says in between. Between two stock peers some greetings do get lost.
func greeting(t task) (string, error) {
	const patience, enough = 5 * time.Second, 40 // each lost greeting costs the patience: so many tell the rate
	count := t.number(0, 10000)
	var opened, lost atomic.Int64
	var reason atomic.Value
	var seen sync.Map
	err := each(count, 16, func(i int64) error {
		if lost.Load() >= enough {
			return nil
		}
		c, err := t.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		opened.Add(1)
		var hello [16]byte
		c.SetDeadline(time.Now().Add(patience))
		if n, err := io.ReadFull(c, hello[:]); err != nil {
			lost.Add(1)
			reason.Store(fmt.Sprintf("stream %d got %d of 16 bytes: %v", i, n, err))
			return nil
		}
		if binary.BigEndian.Uint64(hello[:]) != greetingMagic {
			return fmt.Errorf("greeting is wrong: %x", hello)
		}
		if _, twice := seen.LoadOrStore(hello, true); twice {
			return fmt.Errorf("greeting %x came on two streams", hello)
		}
		question := []byte{byte(i)}
		if _, err := c.Write(question); err != nil {
			return fmt.Errorf("write after the greeting: %w", err)
		}
		var answer [1]byte
		if _, err := io.ReadFull(c, answer[:]); err != nil {
			return fmt.Errorf("answer after the greeting: %w", err)
		}
		if answer[0] != question[0] {
			return errors.New("answer after the greeting is wrong")
		}
		return nil
	})
	if err == nil && lost.Load() > 0 {
		err = fmt.Errorf("%d of %d greetings lost, the last one: %s", lost.Load(), opened.Load(), reason.Load())
	}
	return fmt.Sprintf("greetings=%d", count), err
}
