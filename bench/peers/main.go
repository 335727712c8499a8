// Peers puts grpc-gateway or vanguard in front of a gRPC server, so that the edge can be measured beside them:
//
//	peers gateway  LISTEN HOST:PORT
//	peers vanguard LISTEN HOST:PORT
//
// Both serve Postern's own API, generated from the same .proto, and print the address they listen on.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("peers gateway|vanguard LISTEN HOST:PORT")
	}
	makers := map[string]func(string) (http.Handler, error){"gateway": gateway, "vanguard": transcoder}
	maker, ok := makers[os.Args[1]]
	if !ok {
		log.Fatalf("peers: no peer %q", os.Args[1])
	}
	handler, err := maker(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, handler))
}
