// Randgateway answers GET /rand over HTTP with a number that it fetches from a randservice, on one stream a request.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"culvert/test/over"
)

func main() {
	var protocol over.Protocol
	flag.Var(&protocol, "over", "what carries the streams: tcp, smux1 or smux2")
	listen := flag.String("listen", "127.0.0.1:0", "address to serve HTTP on")
	connect := flag.String("connect", "", "address of the randservice, or of the tunnel to it")
	sessions := flag.Int("sessions", 1, "smux sessions to share between the requests")
	flag.Parse()

	service, err := over.Dial(protocol, *connect, *sessions)
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/rand", func(w http.ResponseWriter, r *http.Request) {
		number, err := fetch(service)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintln(w, number)
	})
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("LISTEN", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, nil))
}

func fetch(service *over.Dialer) (uint64, error) {
	stream, err := service.Open()
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	stream.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(stream, "RAND"); err != nil {
		return 0, err
	}
	var number [8]byte
	if _, err := io.ReadFull(stream, number[:]); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(number[:]), nil
}
