package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// inside runs commands in one pod.
type inside struct{ *pod }

// ExecInContainer runs a command beside the container's process. There are no terminals.
func (i inside) ExecInContainer(ctx context.Context, _ string, _ types.UID, _ string, command []string, in io.Reader, out, err io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if len(command) == 0 {
		return errors.New("no command")
	}
	if !i.has(command[0]) {
		return fmt.Errorf("exec: %q: executable file not found in $PATH", command[0])
	}
	cmd := i.enter(ctx, []string{"--mount", "--net", "--pid", "--ipc", "--uts", "--root", "--wd"}, command)
	for name, value := range i.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdin = in
	if out != nil {
		cmd.Stdout = out
	}
	if err != nil {
		cmd.Stderr = err
	}
	ended := cmd.Run()
	var exit *exec.ExitError
	if errors.As(ended, &exit) && exit.Exited() {
		return utilexec.CodeExitError{Err: ended, Code: exit.ExitCode()}
	}
	return ended
}
