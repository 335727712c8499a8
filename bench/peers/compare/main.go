// Compare puts one gRPC server behind Postern's edge, grpc-gateway, Envoy and vanguard, sends all of them the same requests, and writes
// down what each answers:
//
//	compare POSTERN ENVOY DESCRIPTOR_SET REPORT
//
// POSTERN and ENVOY are programs, REPORT is the Markdown file that is written anew. It fails when the edge answers something else than the
// report said before: then somebody has to look, and to commit the new one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"sync"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("compare: ")
	if len(os.Args) != 5 {
		log.Fatal("compare POSTERN ENVOY DESCRIPTOR_SET REPORT")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

func run(postern, envoy, descriptors, path string) error {
	// The programs that were started have ended before this returns.
	var children sync.WaitGroup
	defer children.Wait()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	upstream := &upstream{}
	address, err := upstream.serve()
	if err != nil {
		return err
	}
	proxies, err := start(ctx, programs{postern, envoy, descriptors, &children}, address)
	if err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	report := report(proxies, upstream)
	if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
		return err
	}
	if before == nil {
		return nil
	}
	changes := changes(string(before), report)
	for _, change := range changes {
		log.Print(change)
	}
	if len(changes) > 0 {
		return fmt.Errorf("the edge answers %d cases otherwise than %s said", len(changes), path)
	}
	return nil
}
