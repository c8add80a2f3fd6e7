package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"strings"
	"syscall"
)

// A printer is where all output goes. What is data or a result goes to
// stdout; errors, hints and, when stdout holds data, people's words go to
// stderr.
type printer struct {
	stdout *sink
	stderr *sink
	json   bool
	quiet  bool
	color  bool // stderr and stdout are terminals, and NO_COLOR is not set
	// log takes people's words as records, on stderr, where that was asked for.
	log *slog.Logger
}

func newPrinter(stdout, stderr io.Writer) *printer {
	return &printer{stdout: newSink(stdout), stderr: newSink(stderr)}
}

// A sink buffers, and remembers the first error. A reader that has gone away
// (a closed pipe) is no error: it has had enough.
type sink struct {
	w        *bufio.Writer
	terminal bool
	err      error
	gone     bool
}

func newSink(w io.Writer) *sink {
	s := &sink{w: bufio.NewWriterSize(w, 1<<16)}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
	}
	return s
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err == nil && !s.gone {
		_, err := s.w.Write(p)
		s.note(err)
	}
	return len(p), nil
}

func (s *sink) flush() {
	if s.err == nil && !s.gone {
		s.note(s.w.Flush())
	}
}

func (s *sink) note(err error) {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		s.gone = true
	} else if s.err == nil {
		s.err = err
	}
}

// line prints a line of a result.
func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(p.stdout, format+"\n", args...)
}

// say prints people's words, unless they asked for quiet.
func (p *printer) say(format string, args ...any) {
	if p.quiet {
		return
	}
	if p.log != nil {
		p.record(fmt.Sprintf(format, args...))
		return
	}
	to := p.stdout
	if p.json {
		to = p.stderr
	}
	fmt.Fprintf(to, format+"\n", args...)
	to.flush()
}

// note prints a remark on stderr: a warning, a notice of the server.
func (p *printer) note(format string, args ...any) {
	if p.log != nil {
		p.record(fmt.Sprintf(format, args...))
		return
	}
	if !p.quiet {
		p.stdout.flush()
		fmt.Fprintf(p.stderr, format+"\n", args...)
		p.stderr.flush()
	}
}

// data prints a value as one JSON document.
func (p *printer) data(v any) error {
	e := json.NewEncoder(p.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// array prints the JSON array of a sequence piece by piece, as data would print
// it as a whole: a history may be long. indent is that of the line it ends in.
func array[T any](p *printer, indent string, elements iter.Seq[T]) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(indent+"  ", "  ")
	separator := "[\n"
	for element := range elements {
		b.Reset()
		if err := e.Encode(element); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s%s  %s", separator, indent, bytes.TrimRight(b.Bytes(), "\n"))
		separator = ",\n"
	}
	if separator == "[\n" {
		fmt.Fprintf(p.stdout, "[]")
	} else {
		fmt.Fprintf(p.stdout, "\n%s]", indent)
	}
	return nil
}

// event prints a value as one line of JSON, at once.
func (p *printer) event(v any) {
	e := json.NewEncoder(p.stdout)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		p.stdout.note(err)
	}
	p.stdout.flush()
}

// failed prints an error and its hints, a line each. It is never quiet.
func (p *printer) failed(message string, hints []string) {
	p.stdout.flush()
	fmt.Fprintf(p.stderr, "%s %s\n", p.paint("1;31", "FAILED:"), message)
	for _, hint := range hints {
		fmt.Fprintf(p.stderr, "%s\n", indentHint(hint))
	}
	p.stderr.flush()
}

func indentHint(hint string) string { return "  " + strings.ReplaceAll(hint, "\n", "\n  ") }

// paint colours text on a terminal.
func (p *printer) paint(code, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// close flushes and answers what went wrong in writing.
func (p *printer) close() error {
	p.stdout.flush()
	p.stderr.flush()
	if p.stdout.err != nil {
		return fmt.Errorf("writing the output: %w", p.stdout.err)
	}
	return nil
}
