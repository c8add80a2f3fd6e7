// Package campaign holds Aludel to its promise that nothing is lost and nothing
// half-done: real processes of the program run against real PostgreSQL while they are
// killed, while their connections are cut, while fifty of them start at once, behind
// a pooler, and while the server is shut down under them. After each blow the same
// command is run again, and has to bring the database to what an undisturbed run
// makes: catalog, data, history and exit status.
//
// There is no code here but tests. "go test" runs a short form of each; the targets
// campaign/kill, campaign/proxy, campaign/race, campaign/pooler and campaign/restart
// of the Makefile run the long ones, and print their figures. Nothing of the
// product knows of them: blows come from outside, at moments that a [wire] between
// program and server sees.
package campaign
