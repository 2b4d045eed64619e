// Looks for many byte patterns in many files in one pass.
//
// Standard input: one pattern a line, `<label> <hex of the bytes>`; all are at least minLength bytes long.
// Arguments: files and directories.
// Standard output: one hit a line, `<label>\t<path>`, each pair once. A summary of bytes searched goes to standard error.
// Exit status: 0 searched (hits or not), 1 something could not be read.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

const (
	minLength = 16
	gram      = 8
	// every window of minLength bytes holds a gram that begins at a multiple of stride
	stride    = minLength - gram + 1
	chunkSize = 4 << 20
	overlap   = 1024
)

type pattern struct {
	label string
	bytes []byte
}

type place struct {
	pattern int32
	offset  int32
}

// index finds candidates by the 8 bytes at any of a pattern's first `stride` offsets; a bitmap keeps most text out of the map.
type index struct {
	patterns []pattern
	places   map[uint64][]place
	bitmap   []uint64
}

func hash(g uint64) uint32 { return uint32((g * 0x9E3779B97F4A7C15) >> 40) }

func newIndex(patterns []pattern) *index {
	ix := &index{patterns: patterns, places: map[uint64][]place{}, bitmap: make([]uint64, 1<<24/64)}
	for p, pat := range patterns {
		for offset := 0; offset < stride; offset++ {
			g := binary.LittleEndian.Uint64(pat.bytes[offset:])
			ix.places[g] = append(ix.places[g], place{int32(p), int32(offset)})
			h := hash(g)
			ix.bitmap[h/64] |= 1 << (h % 64)
		}
	}
	return ix
}

// search reports the labels of the patterns in data
func (ix *index) search(data []byte, found func(label string)) {
	for i := 0; i+gram <= len(data); i += stride {
		g := binary.LittleEndian.Uint64(data[i:])
		h := hash(g)
		if ix.bitmap[h/64]&(1<<(h%64)) == 0 {
			continue
		}
		for _, at := range ix.places[g] {
			begin := i - int(at.offset)
			pat := ix.patterns[at.pattern]
			if begin >= 0 && begin+len(pat.bytes) <= len(data) && string(data[begin:begin+len(pat.bytes)]) == string(pat.bytes) {
				found(pat.label)
			}
		}
	}
}

type scanner struct {
	index *index
	mutex sync.Mutex
	hits  map[string]bool
	bytes int64
	files int64
	bad   bool
}

func (s *scanner) hit(label, path string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	line := label + "\t" + path
	if !s.hits[line] {
		s.hits[line] = true
		fmt.Println(line)
	}
}

func (s *scanner) complain(path string, err error) {
	// what ends while we look (a process, a temporary file) is no fault
	if errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "no such process") {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.bad = true
	fmt.Fprintf(os.Stderr, "canary: %s: %v\n", path, err)
}

func (s *scanner) stream(path string, in io.Reader, buffer []byte) error {
	kept := 0
	total := int64(0)
	for {
		n, err := io.ReadFull(in, buffer[kept:])
		filled := kept + n
		s.index.search(buffer[:filled], func(label string) { s.hit(label, path) })
		total += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
		kept = copy(buffer, buffer[filled-overlap:filled])
	}
	s.mutex.Lock()
	s.bytes += total
	s.files++
	s.mutex.Unlock()
	return nil
}

// A namespace that is kept by a bind mount looks like a regular file and has no content.
func isNamespace(f *os.File) bool {
	const nsfsMagic = 0x6e736673
	var stat syscall.Statfs_t
	return syscall.Fstatfs(int(f.Fd()), &stat) == nil && stat.Type == nsfsMagic
}

func (s *scanner) file(path string, buffer []byte) {
	f, err := os.Open(path)
	if err != nil {
		s.complain(path, err)
		return
	}
	defer f.Close()
	if isNamespace(f) {
		return
	}
	if err := s.stream(path, f, buffer); err != nil {
		s.complain(path, err)
	}
}

func readPatterns(in *bufio.Reader) ([]pattern, error) {
	var patterns []pattern
	for {
		line, err := in.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		if line == "" && err != nil {
			return patterns, nil
		}
		label, text, ok := strings.Cut(line, " ")
		bytes, decodeErr := hex.DecodeString(text)
		if !ok || decodeErr != nil || len(bytes) < minLength || len(bytes) > overlap {
			return nil, fmt.Errorf("not a pattern: %q", line)
		}
		patterns = append(patterns, pattern{label, bytes})
	}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	patterns, err := readPatterns(in)
	if err != nil || len(patterns) == 0 {
		fmt.Fprintln(os.Stderr, "canary: no patterns:", err)
		os.Exit(1)
	}
	s := &scanner{index: newIndex(patterns), hits: map[string]bool{}}
	paths := make(chan string, 1024)
	var workers sync.WaitGroup
	for range 2 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			buffer := make([]byte, chunkSize)
			for path := range paths {
				s.file(path, buffer)
			}
		}()
	}
	for _, root := range os.Args[1:] {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				s.complain(path, err)
				return nil
			}
			if entry.Type().IsRegular() {
				paths <- path
			}
			return nil
		})
		if err != nil {
			s.complain(root, err)
		}
	}
	close(paths)
	workers.Wait()
	fmt.Fprintf(os.Stderr, "canary: %d patterns, %d files, %d bytes\n", len(patterns), s.files, s.bytes)
	if s.bad {
		os.Exit(1)
	}
}
