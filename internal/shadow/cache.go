package shadow

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

const (
	// cacheFiles and cacheAge bound what is kept: files that were used last.
	cacheFiles = 100
	cacheAge   = 30 * 24 * time.Hour
)

// Key names what parts lead to on this server, by this build of the program.
func (s *Scratch) Key(build string, parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{build, s.installation.BinDir, s.installation.Version}, parts...) {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// caches tells that what a key names is the same the next time. A server of
// others may change in ways that nobody here sees.
func (s *Scratch) caches() bool { return s.BinDir() != "" && s.options.CacheDir != "" }

// Cached answers what was kept under a key; nil if nothing was.
func (s *Scratch) Cached(key string) []byte {
	if !s.caches() {
		return nil
	}
	path := filepath.Join(s.cacheDir(), key)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // it was used; where that can't be said it goes sooner
	return data
}

// Keep keeps data under a key. A cache that can't be written to is none: the
// next one does the work again.
func (s *Scratch) Keep(key string, data []byte) {
	if !s.caches() || os.MkdirAll(s.cacheDir(), 0o700) != nil {
		return
	}
	file, err := os.CreateTemp(s.cacheDir(), ".new-")
	if err != nil {
		return
	}
	_, err = file.Write(data)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(s.cacheDir(), key))
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return
	}
	prune(s.cacheDir(), cacheFiles)
}

func (s *Scratch) cacheDir() string { return filepath.Join(s.options.CacheDir, "aludel", "states") }

// prune deletes the files of a folder that were not used for long, and those that are
// too many.
func prune(dir string, keep int) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for i, file := range files {
		if i >= keep || time.Since(file.ModTime()) > cacheAge {
			_ = os.Remove(filepath.Join(dir, file.Name()))
		}
	}
}
