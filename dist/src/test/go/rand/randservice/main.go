// Randservice answers each "RAND" on a stream with a random number of 8 bytes, big endian.
package main

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log"
	"net"

	"culvert/test/over"
)

func main() {
	var protocol over.Protocol
	flag.Var(&protocol, "over", "what carries the streams: tcp, smux1 or smux2")
	listen := flag.String("listen", "127.0.0.1:0", "address to serve on")
	flag.Parse()

	listener, err := over.Listen(protocol, *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("LISTEN", listener.Port())
	log.Fatal(listener.Serve(serve))
}

func serve(stream net.Conn) {
	var request [4]byte
	var number [8]byte
	for {
		if _, err := io.ReadFull(stream, request[:]); err != nil || string(request[:]) != "RAND" {
			return
		}
		rand.Read(number[:])
		if _, err := stream.Write(number[:]); err != nil {
			return
		}
	}
}
