package revision

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// A Folder is a place with revision files.
type Folder struct {
	// FS holds the files.
	FS fs.FS
	// Dir is the folder within FS; empty means its root.
	Dir string
	// Path names the folder in messages, and on disk if files are to be
	// written there.
	Path string
	// Recursive includes the folders below, in the order of their names.
	Recursive bool
}

// headerChunk is read of each file at first: bodies are left alone, and the
// headers of real files are far smaller.
const headerChunk = 2048

// Load reads the headers of all files whose names end in ".sql" and don't
// begin with a dot, folder by folder in the given order and within each in the
// order of the names, byte by byte. That order, the load order, decides
// whatever the graph leaves open. Files are read in parallel; every faulty one
// is reported, in load order.
func Load(folders ...Folder) ([]*Revision, error) {
	var files []*Revision
	for _, folder := range folders {
		found, err := folder.list()
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	faults := make([]error, len(files))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(2*runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			buf := make([]byte, headerChunk)
			for i := next.Add(1) - 1; int(i) < len(files); i = next.Add(1) - 1 {
				faults[i] = files[i].readHeader(buf)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return files, nil
}

func (f Folder) list() ([]*Revision, error) {
	dir := f.Dir
	if dir == "" {
		dir = "."
	}
	entries, err := fs.ReadDir(f.FS, dir)
	if err != nil {
		return nil, fmt.Errorf("reading the revision folder %s: %w", f.Path, underlying(err))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var files []*Revision
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || path.Ext(name) != ".sql" || strings.HasPrefix(name, ".") {
			continue
		}
		files = append(files, &Revision{Path: filepath.Join(f.Path, name), folder: f.FS, name: path.Join(dir, name)})
	}
	for _, entry := range entries {
		if !f.Recursive || !entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		below := Folder{FS: f.FS, Dir: path.Join(dir, entry.Name()), Path: filepath.Join(f.Path, entry.Name()), Recursive: true}
		found, err := below.list()
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

// readHeader fills r from its file, reading no more of it than the header
// needs. buf is scratch space.
func (r *Revision) readHeader(buf []byte) error {
	file, err := r.folder.Open(r.name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", r.Path, underlying(err))
	}
	defer file.Close() //nolint:errcheck // nothing was written
	var text []byte
	for {
		n, err := io.ReadFull(file, buf)
		chunk := buf[:n] // mostly all that is needed
		if text != nil {
			chunk = append(text, chunk...)
		}
		atEnd := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !atEnd {
			return fmt.Errorf("reading %s: %w", r.Path, underlying(err))
		}
		done, err := r.fromHeader(chunk, atEnd)
		if done {
			return err
		}
		text = slices.Clone(chunk)
	}
}

// fromHeader parses what has been read and says whether that was enough.
func (r *Revision) fromHeader(text []byte, atEnd bool) (done bool, err error) {
	head, err := parseHeader(r.Path, string(text), atEnd)
	if !head.complete {
		return false, nil
	}
	if fault := headerUTF8(r.Path, text, atEnd); fault != nil {
		return true, fault
	}
	if err != nil {
		return true, err
	}
	folder, name := r.folder, r.name
	*r = head.revision
	r.folder, r.name = folder, name
	return true, nil
}

// headerUTF8 looks for a byte that is not UTF-8, but not in a character that
// the end of the chunk cuts.
func headerUTF8(path string, text []byte, atEnd bool) error {
	if utf8.Valid(text) {
		return nil
	}
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && size == 1 {
			if !atEnd && !utf8.FullRune(text[i:]) {
				return nil
			}
			return invalidUTF8(path, text)
		}
		i += size
	}
	return nil
}

// underlying takes the path out of an error of package fs, since the message
// around it names the file as the user knows it.
func underlying(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
