package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// serveBulk reads a length and so many bytes and answers their SHA-256; then it reads a length and a seed and
// answers so much noise.
func serveBulk(c net.Conn) error {
	var header [16]byte
	if _, err := io.ReadFull(c, header[:8]); err != nil {
		return fmt.Errorf("upload header: %w", err)
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, c, int64(binary.BigEndian.Uint64(header[:]))); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if _, err := c.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("checksum: %w", err)
	}
	if _, err := io.ReadFull(c, header[:]); err != nil {
		return fmt.Errorf("download header: %w", err)
	}
	return send(c, binary.BigEndian.Uint64(header[8:]), int64(binary.BigEndian.Uint64(header[:])))
}

func bulk(t task) (string, error) {
	size := t.number(0, 200e6)
	c, err := t.Open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	up, down, err := transfer(c, t.seed, size, size)
	return fmt.Sprintf("bytes=%d up_MBps=%.1f down_MBps=%.1f", size, up, down), err
}

// transfer is the client of serveBulk. It returns the rates in MB/s.
func transfer(c net.Conn, seed uint64, up, down int64) (upRate, downRate float64, err error) {
	start := time.Now()
	var header [16]byte
	binary.BigEndian.PutUint64(header[:], uint64(up))
	if _, err := c.Write(header[:8]); err != nil {
		return 0, 0, fmt.Errorf("upload: %w", err)
	}
	sum := sha256.New()
	if err := send(io.MultiWriter(sum, c), seed, up); err != nil {
		return 0, 0, fmt.Errorf("upload: %w", err)
	}
	var answer [sha256.Size]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return 0, 0, fmt.Errorf("checksum of the upload: %w", err)
	}
	if !bytes.Equal(answer[:], sum.Sum(nil)) {
		return 0, 0, fmt.Errorf("upload of %d bytes arrived with another checksum", up)
	}
	upRate = rate(up, start)

	start = time.Now()
	binary.BigEndian.PutUint64(header[:], uint64(down))
	binary.BigEndian.PutUint64(header[8:], seed+1)
	if _, err := c.Write(header[:]); err != nil {
		return upRate, 0, fmt.Errorf("download: %w", err)
	}
	if err := expect(c, seed+1, down); err != nil {
		return upRate, 0, fmt.Errorf("download: %w", err)
	}
	return upRate, rate(down, start), nil
}

func rate(size int64, start time.Time) float64 {
	return float64(size) / 1e6 / time.Since(start).Seconds()
}
