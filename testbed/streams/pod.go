package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pod is the process that runs for a pod, as the stand-in kubelet writes it down.
type pod struct {
	Container   string
	Pid         int
	Started     uint64
	Environment map[string]string
}

// find reads what runs in a pod; a process that has ended is none.
func find(dir, namespace, name string) (*pod, error) {
	nothing := fmt.Errorf("nothing runs in pod %s/%s", namespace, name)
	text, err := os.ReadFile(filepath.Join(dir, "pods", namespace, name+".json"))
	if err != nil {
		return nil, nothing
	}
	var found pod
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, err
	}
	if started(found.Pid) != found.Started {
		return nil, nothing
	}
	return &found, nil
}

// started is field 22 of /proc/PID/stat: a pid that the system gave to another program is not ours.
func started(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	stat := string(text)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0
	}
	ticks, _ := strconv.ParseUint(fields[19], 10, 64)
	return ticks
}

// enter is a command in these namespaces of the pod, in a process group of its own.
func (p *pod) enter(ctx context.Context, namespaces []string, command []string) *exec.Cmd {
	args := append([]string{"--target", strconv.Itoa(p.Pid)}, namespaces...)
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--preserve-credentials")
	}
	args = append(append(args, "--"), command...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// nsenter waits for a child that does not end with it.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// has tells whether the pod's files hold a program of that name.
func (p *pod) has(program string) bool {
	candidates := []string{program}
	if !strings.Contains(program, "/") {
		candidates = nil
		for _, folder := range filepath.SplitList(p.Environment["PATH"]) {
			candidates = append(candidates, filepath.Join(folder, program))
		}
	}
	for _, candidate := range candidates {
		if _, err := os.Lstat(fmt.Sprintf("/proc/%d/root/%s", p.Pid, candidate)); err == nil {
			return true
		}
	}
	return false
}
