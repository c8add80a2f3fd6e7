// Package bench measures Aludel beside what it can't be faster than (a bare pgx
// connection, psql, a bare reader of files), in one run, as ratios: "make
// bench". It has benchmarks only, and asserts no time.
package bench
