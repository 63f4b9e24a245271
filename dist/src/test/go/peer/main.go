// Peer is both far ends of a tunnel under test: a service behind it and the work that a client does through it.
//
// Every service and every work is written for plain streams, so each runs over TCP as well as over stock smux:
//
//	peer run --over smux2 -> tunnel-server -> peer serve --over tcp
//	peer run --over tcp   -> tunnel-client -> peer serve --over smux1
//
// and both also without a tunnel, which shows what stock smux does by itself.
package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime/pprof"
	"strconv"
	"time"

	"culvert/test/over"
)

const usage = `usage:
  peer serve [--over tcp|smux1|smux2] [TLS] [--listen HOST:PORT] SERVICE
      Prints "LISTEN port". Runs until killed or until its stdin ends. The line "streams" on stdin is
      answered with "STREAMS n", the number of streams that have not ended.
  peer run [--over tcp|smux1|smux2] [TLS] --connect HOST:PORT [--sessions N] [--seed S] [--timeout 120s]
      [--hold] WORK [ARGUMENTS]
      Ends with the line "OK work figures..." and exit code 0, "FAIL reason" and 1, or "SKIP reason" and 0.
      Over smux the streams are dealt to N sessions in turn. With --hold the sessions stay after the line OK until
      stdin ends: so long one can see which streams the far end keeps.

  TLS is --peer-key SHA256:... [--tls-key FILE]: version 1.3, the fingerprint of the other side's key, and what to
  show it, a PEM file with a key and its certificate as keygen makes it. Only "run" can do without a file.

  SERVICE    WORK
  echo       echo [STREAMS [BYTES]]          random chunks, every byte compared
  echo       many [COUNT]                    streams that are all open at the same time
  bulk       bulk [BYTES]                    that much up, then down
  greeting   greeting [COUNT]                the server speaks first
  halfclose  halfclose [BYTES [PAUSE_MS]]    the answer comes after the client's end
  stalled    stalled down|up [STREAMS]       one healthy stream beside some that nobody reads
  reset      reset [COUNT] [blind]           abrupt ends from both sides
             refused [COUNT]                 every stream ends before its first byte
`

// service is one end of a stream; its caller closes the stream. An error is worth a line in the log.
type service func(net.Conn) error

var services = map[string]service{
	"echo":      serveEcho,
	"bulk":      serveBulk,
	"greeting":  serveGreeting,
	"halfclose": serveHalfclose,
	"stalled":   serveOrder,
	"reset":     serveOrder,
}

// work is the other end: it opens the streams, and returns its figures or what went wrong.
type work func(task) (figures string, err error)

var works = map[string]work{
	"echo":      echo,
	"many":      many,
	"bulk":      bulk,
	"greeting":  greeting,
	"halfclose": halfclose,
	"stalled":   stalled,
	"reset":     reset,
	"refused":   refused,
}

// task is what a work gets to do: where to open streams, and the arguments.
type task struct {
	*over.Dialer
	seed    uint64
	numbers []int64
	word    string // the argument that is not a number
}

func (t task) number(i int, otherwise int64) int64 {
	if i < len(t.numbers) {
		return t.numbers[i]
	}
	return otherwise
}

// skip is the error of a work that this release of smux cannot do.
type skip string

func (s skip) Error() string { return string(s) }

func main() {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "serve":
			serve(os.Args[2:])
		case "run":
			run(os.Args[2:])
		}
	}
	misused()
}

func serve(arguments []string) {
	var carrier carrier
	flags := newFlags("serve", &carrier)
	listen := flags.String("listen", "127.0.0.1:0", "")
	flags.Parse(arguments)
	handle, known := services[flags.Arg(0)]
	if !known || flags.NArg() > 1 {
		misused()
	}
	listener, err := over.ListenTLS(carrier.protocol, *listen, carrier.tls())
	if err != nil {
		fail(err)
	}
	fmt.Println("LISTEN", listener.Port())
	go listener.Serve(func(c net.Conn) {
		if err := handle(c); err != nil {
			log.Printf("%s for %s: %v", flags.Arg(0), c.RemoteAddr(), err)
		}
	})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "streams" {
			fmt.Println("STREAMS", listener.NumStreams())
		}
	}
	os.Exit(0)
}

func run(arguments []string) {
	var carrier carrier
	flags := newFlags("run", &carrier)
	connect := flags.String("connect", "", "")
	sessions := flags.Int("sessions", 1, "")
	seed := flags.Uint64("seed", 1, "")
	timeout := flags.Duration("timeout", 2*time.Minute, "")
	hold := flags.Bool("hold", false, "")
	flags.Parse(arguments)
	do, known := works[flags.Arg(0)]
	if !known || *connect == "" || *sessions < 1 {
		misused()
	}
	t := task{seed: *seed}
	for _, argument := range flags.Args()[1:] {
		if argument == "down" || argument == "up" || argument == "blind" {
			t.word = argument
		} else if n, err := strconv.ParseInt(argument, 10, 64); err == nil && n >= 0 {
			t.numbers = append(t.numbers, n)
		} else {
			misused()
		}
	}
	watchdog := time.AfterFunc(*timeout, func() {
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		fail(fmt.Errorf("%s not done after %s, see the goroutines on stderr", flags.Arg(0), *timeout))
	})
	start := time.Now()
	var err error
	if t.Dialer, err = over.DialTLS(carrier.protocol, *connect, carrier.tls(), *sessions); err != nil {
		fail(err)
	}
	figures, err := do(t)
	watchdog.Stop()
	if err != nil {
		fail(err)
	}
	fmt.Printf("OK %s %s seconds=%.2f\n", flags.Arg(0), figures, time.Since(start).Seconds())
	if *hold {
		io.Copy(io.Discard, os.Stdin)
	}
	os.Exit(0)
}

// carrier is what carries the streams.
type carrier struct {
	protocol        over.Protocol
	tlsKey, peerKey string
}

func newFlags(name string, carrier *carrier) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	flags.Usage = misused
	flags.Var(&carrier.protocol, "over", "")
	flags.StringVar(&carrier.tlsKey, "tls-key", "", "")
	flags.StringVar(&carrier.peerKey, "peer-key", "", "")
	return flags
}

// tls is nil for plain TCP.
func (c carrier) tls() *tls.Config {
	if c.peerKey == "" {
		if c.tlsKey != "" {
			misused()
		}
		return nil
	}
	config, err := over.TLS(c.tlsKey, c.peerKey)
	if err != nil {
		fail(err)
	}
	return config
}

func misused() {
	io.WriteString(os.Stderr, usage)
	os.Exit(2)
}

func fail(err error) {
	var skipped skip
	if errors.As(err, &skipped) {
		fmt.Println("SKIP", skipped)
		os.Exit(0)
	}
	fmt.Println("FAIL", err)
	os.Exit(1)
}
