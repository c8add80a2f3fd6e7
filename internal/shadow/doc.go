// Package shadow runs real PostgreSQL servers for Aludel: persistent ones that
// live beside a project, and throw-away ones on which things are tried.
//
// [Find] looks for server programs. [Start] starts a server, or joins the one
// that runs already; [Server.Close] leaves it, and whoever leaves last stops
// it. [Status] and [Stop] look after a persistent server from outside.
//
// A server outlives the process that started it, so nothing is remembered in
// memory: all state is files in the server's home folder, and what must end
// with a process is a flock, which the kernel releases however a process ends.
// Folders are built beside their place and renamed into it. A process that is
// killed at any moment leaves nothing that the next Start cannot use, finish
// or sweep away.
//
//	HOME/lock     held while the server is started, joined, left or stopped
//	HOME/users    held in shared mode by each Server that is not yet closed
//	HOME/server   held by the processes of PostgreSQL: locked means alive
//	HOME/keep     its existence keeps the server after its last user
//	HOME/data     the data folder (data.new: being made, data.old: going)
//	HOME/log      what the server wrote since its start (log.old: before)
//
// Servers listen on a Unix socket in a folder that only their account may
// enter, and so trust whoever connects; TCP is for tests of authentication.
// The package works on Linux and macOS and says so elsewhere. It may import
// the standard library and pgx, and nothing of Aludel; it reads no environment
// and prints nothing.
package shadow
