package shadow

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// An image is a file with the data folder of a server that was shut down, and a note
// on what is in it. It begins with a checksum of the rest, since nobody waits until
// it is on the disk: after a crash of the machine a part may be missing.

// An ImageError is an image that is damaged, or no image at all.
type ImageError struct{ err error }

func (e *ImageError) Error() string { return "the image of a data folder is damaged: " + e.err.Error() }

// Unwrap is what is wrong with it.
func (e *ImageError) Unwrap() error { return e.err }

const (
	sumLength  = 4       // bytes of the checksum
	noteLength = 4       // bytes that say how long the note is
	imageBlock = 1 << 20 // bytes that are read and written at a time
)

func newSum() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// writeImage makes an image of a data folder. It takes its place by a rename, so
// there is a whole one or none.
func writeImage(path, data string, note []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	sum := newSum()
	out := bufio.NewWriterSize(io.MultiWriter(file, sum), imageBlock)
	_, err = file.Write(make([]byte, sumLength))
	if err == nil {
		_, err = out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(note))), note...))
	}
	if err == nil {
		archive := tar.NewWriter(out)
		err = errors.Join(archive.AddFS(os.DirFS(data)), archive.Close(), out.Flush())
	}
	if err == nil {
		_, err = file.WriteAt(sum.Sum(nil), 0)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing an image of a data folder: %w", err), os.Remove(file.Name()))
	}
	return nil
}

// readNote is the note of an image, whatever the rest is like.
func readNote(path string) (note []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Seek(sumLength, io.SeekStart); err != nil {
		return nil, err
	}
	return takeNote(file)
}

func takeNote(r io.Reader) ([]byte, error) {
	length := make([]byte, noteLength)
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, &ImageError{err}
	}
	var note bytes.Buffer
	if _, err := io.CopyN(&note, r, int64(binary.BigEndian.Uint32(length))); err != nil {
		return nil, &ImageError{err}
	}
	return note.Bytes(), nil
}

// unpackImage makes dir, which does not exist yet, from an image, and gives it to an
// account as copyTree does.
func unpackImage(ctx context.Context, path, dir string, to account) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	want := make([]byte, sumLength)
	if _, err := io.ReadFull(file, want); err != nil {
		return &ImageError{err}
	}
	sum := newSum()
	in := io.TeeReader(bufio.NewReaderSize(file, imageBlock), sum)
	if _, err := takeNote(in); err != nil {
		return err
	}
	err = unpack(ctx, tar.NewReader(in), dir, to)
	if err == nil {
		_, err = io.Copy(io.Discard, in) // what pads the archive is summed as well
	}
	if err == nil && !bytes.Equal(sum.Sum(nil), want) {
		err = errors.New("its checksum is another one")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &ImageError{err}
	}
	return to.adopt(dir) // last, as in copyTree
}

// unpack makes a folder, and gives an account what is in it.
func unpack(ctx context.Context, archive *tar.Reader, dir string, to account) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	buffer := make([]byte, 1<<16)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return ctx.Err()
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("it has a file %q", entry.Name)
		}
		path := filepath.Join(dir, entry.Name)
		switch entry.Typeflag {
		case tar.TypeDir:
			err = errors.Join(os.Mkdir(path, 0o700), to.adopt(path))
		case tar.TypeReg:
			err = unpackFile(path, archive, buffer, to)
		default: // a tablespace
			err = fmt.Errorf("%q is neither a file nor a folder", entry.Name)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(path string, content io.Reader, buffer []byte, to account) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, content, buffer) // the file itself would take another buffer
	if err == nil && to.drop {
		err = file.Chown(to.uid, to.gid)
	}
	return errors.Join(err, file.Close())
}
