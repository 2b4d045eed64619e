// Becomes a command as long as a file has the bytes that it should: the tests' way to have a component that does not come
// back on its new certificate.
//
//	guard FILE SHA256 COMMAND ARGUMENT...
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if len(os.Args) < 4 {
		fail("usage: guard FILE SHA256 COMMAND ARGUMENT...")
	}
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != os.Args[2] {
		fail(os.Args[1] + " is another file than it was: not started")
	}
	program, err := exec.LookPath(os.Args[3])
	if err != nil {
		fail(err.Error())
	}
	fail(syscall.Exec(program, os.Args[3:], os.Environ()).Error())
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "guard:", why)
	os.Exit(1)
}
