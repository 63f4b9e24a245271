package main

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"sync"
)

func serveEcho(c net.Conn) error {
	io.Copy(c, c) // until the client's end, however it comes: the client is the one who checks
	return nil
}

// echo sends on several streams at once and compares what comes back.
func echo(t task) (string, error) {
	streams, size := t.number(0, 8), t.number(1, 4<<20)
	err := each(streams, streams, func(i int64) error {
		c, err := t.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		return exchange(c, t.seed+uint64(i), size)
	})
	return fmt.Sprintf("streams=%d bytes=%d", streams, streams*size), err
}

// many opens that many streams and closes none before the last has been answered.
func many(t task) (string, error) {
	count := t.number(0, 1000)
	var answered sync.WaitGroup
	answered.Add(int(count))
	err := each(count, count, func(i int64) error {
		c, err := t.Open()
		if err != nil {
			return err
		}
		defer c.Close()
		if err := exchange(c, t.seed+uint64(i), 4096); err != nil {
			return err
		}
		answered.Done()
		answered.Wait()
		return exchange(c, t.seed-uint64(i), 64)
	})
	return fmt.Sprintf("open=%d", count), err
}

// exchange sends size bytes in chunks from one byte to several frames, and reads them back meanwhile.
func exchange(c net.Conn, seed uint64, size int64) error {
	sent := make(chan error, 1)
	go func() { sent <- sendChunks(c, seed, size) }()
	if err := expect(c, seed, size); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	return <-sent
}

func sendChunks(c net.Conn, seed uint64, size int64) error {
	n, chunk, dice := newNoise(seed), buffer(size, 128<<10), rand.New(rand.NewSource(int64(seed)))
	for size > 0 {
		length := 1 + dice.Int63n(1<<dice.Intn(18))
		if length > size {
			length = size
		}
		n.Read(chunk[:length])
		if _, err := c.Write(chunk[:length]); err != nil {
			return fmt.Errorf("echo: write failed with %d bytes to go: %w", size, err)
		}
		size -= length
	}
	return nil
}
