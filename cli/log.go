package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aludel-db/aludel"
)

// startLog has people's words go out as records where --log-format json asks for them.
func (a *app) startLog(cmd *cobra.Command) error {
	switch a.logFormat {
	case "text":
		return nil
	case "json":
	default:
		return &usageError{err: fmt.Errorf("--log-format %s: the formats are text and json", a.logFormat), cmd: cmd}
	}
	level := slog.LevelInfo
	switch {
	case a.out.quiet:
		level = slog.LevelError
	case a.verbose:
		level = slog.LevelDebug
	}
	a.out.log = slog.New(slog.NewJSONHandler(a.out.stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: inSeconds}))
	a.out.color = false
	return nil
}

// inSeconds writes durations as programs add them up; slog's own are nanoseconds.
func inSeconds(_ []string, attribute slog.Attr) slog.Attr {
	if attribute.Value.Kind() == slog.KindDuration {
		return slog.Float64(attribute.Key+"_seconds", attribute.Value.Duration().Seconds())
	}
	return attribute
}

// record writes a remark, in the level that its first word says.
func (p *printer) record(text string) {
	level := slog.LevelInfo
	for _, prefix := range []string{"warning: ", "WARNING:  "} {
		if rest, found := strings.CutPrefix(text, prefix); found {
			level, text = slog.LevelWarn, rest
		}
	}
	p.log.Log(context.Background(), level, text)
	p.stderr.flush()
}

// outcome is the last record: what an alarm looks at.
func (a *app) outcome(status int) {
	if a.out.log == nil {
		return
	}
	level := slog.LevelInfo
	if status != exitOK {
		level = slog.LevelError
	}
	attributes := []any{
		slog.String("command", a.run.command), slog.Int("status", status), slog.Int("steps", a.run.steps), slog.Duration("duration", a.run.took),
	}
	if result := a.run.result; result != nil {
		attributes = append(attributes, slog.Any("from", some(result.From)), slog.Any("to", some(result.To)))
	}
	a.out.log.Log(context.Background(), level, "ended", attributes...)
	a.out.stderr.flush()
}

// recordFailure is an error with what a program would want of it apart.
func (p *printer) recordFailure(err error, message string, hints []string) {
	attributes := []any{slog.Int("status", exitStatus(err))}
	if len(hints) > 0 {
		attributes = append(attributes, slog.Any("hints", hints))
	}
	var statement *aludel.StatementError
	if errors.As(err, &statement) {
		attributes = append(attributes, slog.String("file", statement.Path), slog.Int("line", statement.Line), slog.String("sqlstate", statement.SQLState))
	}
	p.log.Error(message, attributes...)
	p.stderr.flush()
}
