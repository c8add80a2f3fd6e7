package bunddl

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"strings"
)

// modelError names the model that an error is about, and where it is declared.
func modelError(model reflect.Type, err error) error {
	if at := place(model); at != "" {
		return fmt.Errorf("%s: model %s: %w", at, model, err)
	}
	return fmt.Errorf("model %s (%s): %w", model, model.PkgPath(), err)
}

// place is the file and the line where a type is declared, seen from the root
// of the module that the program runs in. It is empty for types of other
// modules, and where the sources are not at hand. Reflection doesn't know it,
// so the package's files are searched.
func place(typ reflect.Type) string {
	root, module := moduleHere()
	pkg := typ.PkgPath()
	if pkg == "main" {
		if info, ok := debug.ReadBuildInfo(); ok {
			pkg = info.Path
		}
	}
	below, inside := strings.CutPrefix(pkg, module)
	if root == "" || !inside || below != "" && below[0] != '/' {
		return ""
	}
	name, _, _ := strings.Cut(typ.Name(), "[") // of a generic type
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(below), "*.go"))
	if err != nil {
		return ""
	}
	for _, file := range files {
		if line := lineOf(file, name); line > 0 {
			if short, err := filepath.Rel(root, file); err == nil {
				file = short
			}
			return fmt.Sprintf("%s:%d", filepath.ToSlash(file), line)
		}
	}
	return ""
}

// lineOf is the line of a type's declaration in a file; 0 if it isn't there.
func lineOf(file, name string) int {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return 0
	}
	line := 0
	ast.Inspect(tree, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && line == 0 && spec.Name.Name == name {
			line = files.Position(spec.Pos()).Line
		}
		return line == 0
	})
	return line
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)

// moduleHere is the module around the working directory: that of the user, who
// runs this with "go run".
func moduleHere() (root, path string) {
	dir, err := os.Getwd()
	for err == nil {
		if text, readErr := os.ReadFile(filepath.Join(dir, "go.mod")); readErr == nil {
			if found := moduleLine.FindSubmatch(text); found != nil {
				return dir, string(found[1])
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return "", ""
}
