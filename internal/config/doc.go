// Package config turns flags, environment and aludel.toml into one checked
// value. A flag goes before the environment, the environment before the file,
// the file before the default.
//
// It is the only reader of the environment, and even so takes it as a value.
// It may import pgx, whose parser reads connection strings, .pgpass and
// service files, go-toml, and suggest. What it refuses is an [Error]: the
// command line ends with status 2.
package config
