// gosmux is the plain forwarder that anybody would write on stock smux: version 2, one session, io.Copy both ways.
//
//	gosmux server LISTEN
//	gosmux client SERVER LISTEN=TARGET ...
//
// Each stream begins with the length of its target in a byte, and the target.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"strings"

	"github.com/xtaci/smux"
)

func config() *smux.Config {
	c := smux.DefaultConfig()
	c.Version = 2
	c.MaxReceiveBuffer = 16 << 20
	c.MaxStreamBuffer = 1 << 20
	return c
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "server":
		serve(os.Args[2])
	case len(os.Args) > 3 && os.Args[1] == "client":
		forward(os.Args[2], os.Args[3:])
	default:
		log.Fatal("usage: gosmux server LISTEN | gosmux client SERVER LISTEN=TARGET ...")
	}
}

func serve(address string) {
	for conn := range accept(address) {
		session, err := smux.Server(conn, config())
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			for {
				stream, err := session.AcceptStream()
				if err != nil {
					return
				}
				go dial(stream)
			}
		}()
	}
}

func dial(stream *smux.Stream) {
	defer stream.Close()
	target, err := readTarget(stream)
	if err != nil {
		return
	}
	conn, err := net.Dial("tcp", target)
	if err != nil {
		log.Print(err)
		return
	}
	splice(conn, stream)
}

func readTarget(stream io.Reader) (string, error) {
	var length [1]byte
	if _, err := io.ReadFull(stream, length[:]); err != nil {
		return "", err
	}
	target := make([]byte, length[0])
	_, err := io.ReadFull(stream, target)
	return string(target), err
}

func forward(server string, forwards []string) {
	conn, err := net.Dial("tcp", server)
	if err != nil {
		log.Fatal(err)
	}
	session, err := smux.Client(conn, config())
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range forwards {
		listen, target, found := strings.Cut(f, "=")
		if !found {
			log.Fatalf("%s: expected LISTEN=TARGET", f)
		}
		go func() {
			for conn := range accept(listen) {
				go open(session, conn, target)
			}
		}()
	}
	<-session.CloseChan()
	log.Fatal("the session has ended")
}

func open(session *smux.Session, conn net.Conn, target string) {
	stream, err := session.OpenStream()
	if err != nil {
		conn.Close()
		return
	}
	defer stream.Close()
	if _, err := stream.Write(append([]byte{byte(len(target))}, target...)); err != nil {
		conn.Close()
		return
	}
	splice(conn, stream)
}

func accept(address string) <-chan net.Conn {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	conns := make(chan net.Conn)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			conns <- conn
		}
	}()
	return conns
}

// splice copies both ways until both have ended, passing on each end by itself.
func splice(conn net.Conn, stream *smux.Stream) {
	defer conn.Close()
	done := make(chan struct{})
	go func() {
		io.Copy(stream, conn)
		stream.CloseWrite()
		close(done)
	}()
	io.Copy(conn, stream)
	conn.(*net.TCPConn).CloseWrite()
	<-done
}
