package catalog

import "testing"

func TestWithoutPassword(t *testing.T) {
	t.Parallel()
	for connection, want := range map[string]string{
		"host=a dbname=b":                                "host=a dbname=b",
		"host=a password=secret dbname=b":                "host=a dbname=b",
		"password = 'it\\'s a secret' host=a":            "host=a",
		"host=a sslpassword=x":                           "host=a",
		"postgresql://u:secret@h:5432/d?sslmode=require": "postgresql://u@h:5432/d?sslmode=require",
		"postgres://u@h/d?password=secret":               "postgres://u@h/d?",
	} {
		if got := withoutPassword(connection); got != want {
			t.Errorf("%s: %q, want %q", connection, got, want)
		}
	}
}
