package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A modelsKind is a way to write models that init can begin with.
type modelsKind struct {
	table string            // what stands in [models]
	files map[string]string // by path from the folder of aludel.toml; %s is the module's path
	next  []string          // what is left to do
	isGo  bool              // and needs a module
}

var modelsKinds = map[string]modelsKind{
	"sql": {
		table: `sql = ["schema.sql"]`,
		files: map[string]string{"schema.sql": "-- The schema that is wanted. The order of statements doesn't matter.\n\n" +
			"CREATE TABLE users (\n    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    email text NOT NULL UNIQUE,\n    created_at timestamptz NOT NULL DEFAULT now()\n);\n"},
	},
	"gorm": {
		table: `command = ["go", "run", "./schema"]`, isGo: true,
		files: map[string]string{
			"models/models.go": "// Package models are the tables of the application.\npackage models\n\nimport \"time\"\n\n// A User may log in.\ntype User struct {\n" +
				"\tID        int64     `gorm:\"primaryKey;generated:identity always\"`\n\tEmail     string    `gorm:\"not null;unique\"`\n\tCreatedAt time.Time `gorm:\"not null;default:now()\"`\n}\n",
			"schema/main.go": goSchema("gormddl", "gorm", "&models.User{}"),
		},
		next: []string{"go get github.com/aludel-db/aludel/orm/gorm"},
	},
	"bun": {
		table: `command = ["go", "run", "./schema"]`, isGo: true,
		files: map[string]string{
			"models/models.go": "// Package models are the tables of the application.\npackage models\n\nimport (\n\t\"time\"\n\n\t\"github.com/uptrace/bun\"\n)\n\n// A User may log in.\ntype User struct {\n" +
				"\tbun.BaseModel `bun:\"table:users\"`\n\n\tID        int64     `bun:\",pk,identity\"`\n\tEmail     string    `bun:\",notnull,unique\"`\n\tCreatedAt time.Time `bun:\",notnull,default:now()\"`\n}\n",
			"schema/main.go": goSchema("bunddl", "bun", "(*models.User)(nil)"),
		},
		next: []string{"go get github.com/aludel-db/aludel/orm/bun"},
	},
	"ent": {
		table: `command = ["go", "run", "entgo.io/ent/cmd/ent", "schema", "./ent/schema", "--dialect", "postgres", "--version", "15"]`, isGo: true,
		next: []string{"go get entgo.io/ent/cmd/ent", "go run entgo.io/ent/cmd/ent new User    # where there is no ./ent/schema yet"},
	},
	"sqlalchemy": {
		table: `sqlalchemy = ["models:Base"]`,
		files: map[string]string{"models.py": "import sqlalchemy as sa\nfrom sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\n\n\nclass User(Base):\n" +
			"    __tablename__ = \"users\"\n\n    id = sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True)\n    email = sa.Column(sa.Text, nullable=False, unique=True)\n" +
			"    created_at = sa.Column(sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())\n"},
	},
}

// goSchema is a program that prints models.
func goSchema(name, orm, model string) string {
	return "// Schema prints the tables of the models: \"aludel revision --autogenerate\" runs it.\npackage main\n\nimport (\n" +
		fmt.Sprintf("\t%[1]s \"github.com/aludel-db/aludel/orm/%[2]s\"\n\n\t\"%%s/models\"\n)\n\nfunc main() { %[1]s.Print(%[3]s) }\n", name, orm, model)
}

func modelsNames() []string { return slices.Sorted(maps.Keys(modelsKinds)) }

// initModels writes the first models, and leaves what is there alone.
func (a *app) initModels(kind modelsKind, root string) error {
	module := ""
	if kind.isGo {
		var err error
		if module, err = modulePath(root); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kind.files)) {
		path, text := filepath.Join(root, filepath.FromSlash(name)), kind.files[name]
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, module)
		}
		if _, err := os.Stat(path); err == nil {
			a.out.say("File %s already exists, skipping", a.shown(path))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return fmt.Errorf("creating %s: %w", a.shown(filepath.Dir(path)), reason(err))
		}
		if err := a.generate(path, text); err != nil {
			return err
		}
	}
	return nil
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)

// modulePath is how packages in a folder are imported.
func modulePath(dir string) (string, error) {
	for at, below := dir, ""; ; {
		if data, err := os.ReadFile(filepath.Join(at, "go.mod")); err == nil {
			if m := moduleLine.FindSubmatch(data); m != nil {
				return string(m[1]) + filepath.ToSlash(below), nil
			}
		}
		above := filepath.Dir(at)
		if above == at {
			return "", errors.New("there is no go.mod here or above: models in Go need a module, \"go mod init example.com/shop\"")
		}
		at, below = above, strings.TrimPrefix(dir, above)
	}
}
