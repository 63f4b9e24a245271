// Package over carries byte streams over TCP: each in a connection of its own, or many in one session of stock smux,
// and either inside TLS. Whoever uses it sees a net.Conn for every stream and need not know which.
package over

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xtaci/smux"
)

// Protocol is the smux version that carries the streams, 0 for none. It is a flag.Value.
type Protocol int

const (
	TCP Protocol = iota
	Smux1
	Smux2
)

func (p *Protocol) String() string { return [...]string{"tcp", "smux1", "smux2"}[*p] }

// Set takes tcp, smux1 or smux2.
func (p *Protocol) Set(name string) error {
	for *p = TCP; *p <= Smux2; *p++ {
		if p.String() == name {
			return nil
		}
	}
	*p = TCP
	return errors.New("want tcp, smux1 or smux2")
}

// config is the stock default but for the version. The frame size is spelt out because peers depend on it.
func (p Protocol) config() *smux.Config {
	config := smux.DefaultConfig()
	config.Version = int(p)
	config.MaxFrameSize = 32768
	return config
}

// Listener accepts streams.
type Listener struct {
	net.Listener
	protocol    Protocol
	mutex       sync.Mutex
	sessions    map[*smux.Session]bool
	connections atomic.Int64
}

// Listen binds the address; port 0 takes a free one.
func Listen(protocol Protocol, address string) (*Listener, error) {
	return ListenTLS(protocol, address, nil)
}

// ListenTLS is Listen inside TLS; nil is none.
func ListenTLS(protocol Protocol, address string, config *tls.Config) (*Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return &Listener{Listener: l, protocol: protocol, sessions: map[*smux.Session]bool{}}, nil
}

// Port is the one really bound.
func (l *Listener) Port() int { return l.Addr().(*net.TCPAddr).Port }

// Serve calls handle for each stream, in a goroutine of its own, and closes the stream when handle returns.
// It returns when the listener is closed. A session that breaks is logged.
func (l *Listener) Serve(handle func(net.Conn)) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		if l.protocol == TCP {
			go l.serveConnection(conn, handle)
		} else {
			go l.serveSession(conn, handle)
		}
	}
}

func (l *Listener) serveConnection(conn net.Conn, handle func(net.Conn)) {
	l.connections.Add(1)
	defer l.connections.Add(-1)
	defer conn.Close()
	handle(conn)
}

func (l *Listener) serveSession(conn net.Conn, handle func(net.Conn)) {
	session, err := smux.Server(conn, l.protocol.config())
	if err != nil {
		panic(err) // the only cause is a bad configuration
	}
	l.mutex.Lock()
	l.sessions[session] = true
	l.mutex.Unlock()
	for {
		stream, err := session.AcceptStream()
		if err == io.EOF {
			break
		} else if err != nil {
			log.Printf("smux session from %s: %v", conn.RemoteAddr(), err)
			break
		}
		go func() {
			// Besides closing it, this keeps the stream reachable: up to 1.5.57 a finalizer closes an accepted
			// stream that is collected, and a blocked Read alone does not keep it alive.
			defer stream.Close()
			handle(stream)
		}()
	}
	session.Close()
	l.mutex.Lock()
	delete(l.sessions, session)
	l.mutex.Unlock()
}

// NumStreams counts the streams that have not ended, as smux sees it where smux carries them.
func (l *Listener) NumStreams() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	n := int(l.connections.Load())
	for session := range l.sessions {
		n += session.NumStreams()
	}
	return n
}

// Dialer opens streams to one address.
type Dialer struct {
	address  string
	config   *tls.Config
	sessions []*smux.Session // none over plain TCP
	opened   atomic.Uint32
}

// Dial connects that many smux sessions at once; over plain TCP it connects nothing yet.
func Dial(protocol Protocol, address string, sessions int) (*Dialer, error) {
	return DialTLS(protocol, address, nil, sessions)
}

// DialTLS is Dial inside TLS; nil is none.
func DialTLS(protocol Protocol, address string, config *tls.Config, sessions int) (*Dialer, error) {
	d := &Dialer{address: address, config: config}
	for protocol != TCP && len(d.sessions) < sessions {
		conn, err := d.connect()
		if err != nil {
			return nil, err
		}
		session, err := smux.Client(conn, protocol.config())
		if err != nil {
			return nil, err
		}
		d.sessions = append(d.sessions, session)
	}
	return d, nil
}

// Open opens a stream, on each session in turn. A session that died is not replaced: then Open fails.
func (d *Dialer) Open() (net.Conn, error) {
	if len(d.sessions) == 0 {
		return d.connect()
	}
	turn := int(d.opened.Add(1)) % len(d.sessions)
	stream, err := d.sessions[turn].OpenStream()
	if err != nil {
		return nil, fmt.Errorf("open on smux session %d: %w", turn, err)
	}
	return stream, nil
}

// NumStreams counts the smux streams that have not ended; over plain TCP there are none.
func (d *Dialer) NumStreams() int {
	n := 0
	for _, session := range d.sessions {
		n += session.NumStreams()
	}
	return n
}

// IsTimeout tells a deadline that passed from every other error. In smux 1.5.24 it is not a net.Error.
func IsTimeout(err error) bool {
	return errors.Is(err, smux.ErrTimeout) || errors.Is(err, os.ErrDeadlineExceeded)
}

func (d *Dialer) connect() (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	if d.config == nil {
		return dialer.Dial("tcp", d.address)
	}
	return tls.DialWithDialer(&dialer, "tcp", d.address, d.config)
}
