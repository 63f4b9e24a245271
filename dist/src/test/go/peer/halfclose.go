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

const halfcloseAnswer = 1 << 20

// serveHalfclose reads to the end: 2 bytes of pause in milliseconds, then the data. After a while, in which nothing
// but the half-closed stream is left, it answers the SHA-256 of the data and noise, pauses, and closes.
func serveHalfclose(c net.Conn) error {
	var pause [2]byte
	if _, err := io.ReadFull(c, pause[:]); err == io.EOF {
		return nil // the client has no half-close, and says so
	} else if err != nil {
		return fmt.Errorf("pause: %w", err)
	}
	hash := sha256.New()
	// The plain Reader keeps io.Copy from WriteTo, which returns io.EOF as an error in stock smux up to 1.5.57.
	if _, err := io.Copy(hash, struct{ io.Reader }{c}); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	time.Sleep(300 * time.Millisecond)
	sum := hash.Sum(nil)
	if _, err := c.Write(sum); err != nil {
		return fmt.Errorf("answer after the client's end: %w", err)
	}
	if err := send(c, binary.BigEndian.Uint64(sum), halfcloseAnswer); err != nil {
		return fmt.Errorf("answer after the client's end: %w", err)
	}
	time.Sleep(time.Duration(binary.BigEndian.Uint16(pause[:])) * time.Millisecond)
	return nil
}

// halfclose sends, ends its direction, and reads the answer to the end.
//
// A stock smux 1.5.57 client that has half-closed throws away what it has not read yet when the FIN of the server
// arrives, and reports a clean end. Without a pause before the server's close it nearly always fails here.
func halfclose(t task) (string, error) {
	size, pause := t.number(0, 1<<20), t.number(1, 0)
	c, err := t.Open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	half, ok := c.(interface{ CloseWrite() error })
	if !ok {
		return "", skip("no half-close in this smux")
	}
	if _, err := c.Write([]byte{byte(pause >> 8), byte(pause)}); err != nil {
		return "", err
	}
	hash := sha256.New()
	if err := send(io.MultiWriter(hash, c), t.seed, size); err != nil {
		return "", err
	}
	if err := half.CloseWrite(); err != nil {
		return "", fmt.Errorf("half-close: %w", err)
	}
	sum, answer := hash.Sum(nil), make([]byte, sha256.Size)
	if n, err := io.ReadFull(c, answer); err != nil {
		return "", fmt.Errorf("checksum: read failed after %d of %d bytes: %w", n, len(answer), err)
	}
	if !bytes.Equal(answer, sum) {
		return "", fmt.Errorf("%d bytes arrived with another checksum", size)
	}
	if err := expect(c, binary.BigEndian.Uint64(sum), halfcloseAnswer); err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	// Where both sides have sent FIN, stock smux ends with either error.
	if n, err := c.Read(answer); err != io.EOF && err != io.ErrClosedPipe {
		return "", fmt.Errorf("want the end after the answer, got %d bytes and %v", n, err)
	}
	return fmt.Sprintf("bytes=%d answered=%d", size, halfcloseAnswer), nil
}
