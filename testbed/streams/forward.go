package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// PortForward leads a stream to a port on the pod's own loopback, through a child that dials there.
func (i inside) PortForward(ctx context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := i.enter(ctx, []string{"--net"}, []string{self, "dial", fmt.Sprint(port)})
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = stream, &words
	// Not cmd.Stdin: the end of the child must not wait for a client that says nothing more.
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		io.Copy(input, stream)
		input.Close()
	}()
	if cmd.Wait() != nil {
		return errors.New(strings.TrimSpace(words.String()))
	}
	return nil
}

// dial is the child: standard input and output become a connection to a port of the namespace that it was started in.
func dial(port string) error {
	conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		var six error
		if conn, six = net.Dial("tcp6", net.JoinHostPort("::1", port)); six != nil {
			return err
		}
	}
	go func() {
		io.Copy(conn, os.Stdin)
		conn.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(os.Stdout, conn)
	return nil
}
