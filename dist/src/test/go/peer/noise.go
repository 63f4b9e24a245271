package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// noise is an endless stream of bytes that only its seed decides, fast enough (SplitMix64) not to be what a test
// measures. It reads the same in pieces of any size.
type noise struct {
	state uint64
	block [512]byte
	rest  []byte // of the block, not read yet
}

func newNoise(seed uint64) *noise { return &noise{state: seed} }

// Read fills all of p.
func (n *noise) Read(p []byte) (int, error) {
	for at := 0; at < len(p); {
		if len(n.rest) == 0 {
			n.refill()
		}
		count := copy(p[at:], n.rest)
		n.rest = n.rest[count:]
		at += count
	}
	return len(p), nil
}

func (n *noise) refill() {
	for i := 0; i < len(n.block); i += 8 {
		n.state += 0x9e3779b97f4a7c15
		z := n.state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(n.block[i:], z^z>>31)
	}
	n.rest = n.block[:]
}

// send writes the first size bytes of the noise.
func send(w io.Writer, seed uint64, size int64) error {
	if sent, err := io.CopyN(w, newNoise(seed), size); err != nil {
		return fmt.Errorf("write failed after %d of %d bytes: %w", sent, size, err)
	}
	return nil
}

// expect reads size bytes and compares each with the noise.
func expect(r io.Reader, seed uint64, size int64) error {
	n, got, want := newNoise(seed), buffer(size, 32<<10), buffer(size, 32<<10)
	for at := int64(0); at < size; {
		if size-at < int64(len(got)) {
			got = got[:size-at]
		}
		count, err := r.Read(got)
		n.Read(want[:count])
		if !bytes.Equal(got[:count], want[:count]) {
			i := 0
			for got[i] == want[i] {
				i++
			}
			return fmt.Errorf("byte %d of %d is wrong", at+int64(i), size)
		}
		at += int64(count)
		if err != nil && at < size {
			return fmt.Errorf("read failed after %d of %d bytes: %w", at, size, err)
		}
	}
	return nil
}

// buffer is as large as useful for size bytes: a thousand small streams shall not need large ones.
func buffer(size, most int64) []byte {
	if size < most {
		most = size
	}
	return make([]byte, most)
}
