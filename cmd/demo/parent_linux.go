package main

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// endWithMake has the kernel interrupt this program when the make that runs it
// is killed, which otherwise would leave it behind.
func endWithMake() {
	if os.Getenv("MAKELEVEL") == "" {
		return
	}
	runtime.LockOSThread() // the request belongs to a thread and must outlive this function
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0)
}
