package pgoracle_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	pgquery "github.com/wasilibs/go-pgquery"

	"github.com/aludel-db/aludel/internal/sqltext"
)

// parse answers the statements that PostgreSQL sees in src; ok is false where
// it sees a syntax error.
func parse(src string) (statements []string, ok bool) {
	tree, err := pgquery.Parse(src)
	if err != nil {
		return nil, false
	}
	for _, raw := range tree.Stmts {
		start, end := int(raw.StmtLocation), int(raw.StmtLocation+raw.StmtLen)
		if raw.StmtLen == 0 { // up to the end of the text
			end = len(src)
		}
		statements = append(statements, src[start:end])
	}
	return statements, true
}

// trim takes the blanks and comments off both ends, and a semicolon: where
// exactly a statement begins among them is a matter of taste.
func trim(t *testing.T, text string) string {
	t.Helper()
	statements, err := sqltext.Split(text)
	if err != nil || len(statements) == 0 {
		return text
	}
	last := statements[len(statements)-1]
	return text[statements[0].Offset : last.Offset+len(last.Text)]
}

// compare reports where the splitter and PostgreSQL see different statements.
func compare(t *testing.T, src string) {
	t.Helper()
	want, ok := parse(src)
	if !ok {
		return // what is not SQL may be split in any way
	}
	statements, err := sqltext.Split(src)
	if err != nil {
		if intended(err) {
			return
		}
		t.Errorf("%q: PostgreSQL parses it, Split says: %v", src, err)
		return
	}
	var got []string
	for _, s := range statements {
		got = append(got, s.Text)
	}
	for i := range want {
		want[i] = trim(t, want[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q: (-PostgreSQL +Split)\n%s", src, diff)
	}
}

// intended are refusals of what PostgreSQL would parse: COPY from and to the
// client, which needs more than the text, and names that it would cut.
func intended(err error) bool {
	return strings.HasPrefix(err.Error(), "COPY from or to the client") || strings.Contains(err.Error(), "PostgreSQL cuts names")
}

// corpus is the input of all cases of the splitter, and testdata/corpus.sql
// cut at lines "---".
func corpus(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../testdata/split/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var list []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(strings.TrimPrefix(string(data), "-- input.sql --\n"), "-- want --\n")
		list = append(list, input)
		for line := range strings.Lines(input) {
			list = append(list, line)
		}
	}
	data, err := os.ReadFile("testdata/corpus.sql")
	if err != nil {
		t.Fatal(err)
	}
	return append(list, strings.Split(string(data), "\n---\n")...)
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	parsed := 0
	for _, src := range corpus(t) {
		compare(t, src)
		if _, ok := parse(src); ok {
			parsed++
		}
	}
	if parsed < 150 {
		t.Errorf("PostgreSQL parsed only %d of the corpus: it proves too little", parsed)
	}
	t.Logf("%d scripts compared", parsed)
}

// TestClasses compares the class of each statement with the node that
// PostgreSQL's parser makes of it.
func TestClasses(t *testing.T) {
	t.Parallel()
	for _, src := range corpus(t) {
		tree, err := pgquery.Parse(src)
		if err != nil {
			continue
		}
		statements, err := sqltext.Split(src)
		if err != nil || len(statements) != len(tree.Stmts) {
			continue // TestCorpus speaks of it
		}
		for i, raw := range tree.Stmts {
			node := fmt.Sprintf("%T", raw.Stmt.Node)
			transaction := raw.Stmt.GetTransactionStmt()
			control := transaction != nil && !strings.Contains(transaction.Kind.String(), "SAVEPOINT") &&
				!strings.Contains(transaction.Kind.String(), "RELEASE") && !strings.Contains(transaction.Kind.String(), "ROLLBACK_TO") && !strings.Contains(transaction.Kind.String(), "_PREPARED")
			control = control || transaction != nil && transaction.Kind.String() == "TRANS_STMT_PREPARE"
			if got := statements[i].Class == sqltext.TransactionControl; got != control {
				t.Errorf("%q is %s (%s)", statements[i].Text, statements[i].Class, node)
			}
			if index := raw.Stmt.GetIndexStmt(); index != nil && index.Concurrent != (statements[i].Class == sqltext.NonTransactional) {
				t.Errorf("%q is %s", statements[i].Text, statements[i].Class)
			}
			if vacuum := raw.Stmt.GetVacuumStmt(); vacuum != nil && vacuum.IsVacuumcmd != (statements[i].Class == sqltext.NonTransactional) {
				t.Errorf("%q is %s", statements[i].Text, statements[i].Class)
			}
		}
	}
}

func FuzzAgainstPostgres(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Contains(src, "\x00") || !utf8.ValidString(src) {
			return // C strings end there; a server checks the encoding before it parses
		}
		compare(t, src)
	})
}
