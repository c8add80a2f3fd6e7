// Package config turns flags, environment and aludel.toml into one checked
// value. A flag goes before the environment, the environment before the file,
// the file before the default. Two sources of one rank that disagree are an
// error, never a choice.
//
// It is the only reader of the environment, and even so takes it as a value.
// It may import pgx, which makes the connection's TLS settings and reads
// .pgpass, go-toml, and suggest. What it refuses is an [Error]: the command
// line ends with status 2. No message holds a password.
package config
