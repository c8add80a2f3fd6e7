module github.com/aludel-db/aludel/internal/sqltext/pgoracle

go 1.26.0

replace github.com/aludel-db/aludel => ../../../

require (
	github.com/aludel-db/aludel v0.0.0-00010101000000-000000000000
	github.com/google/go-cmp v0.7.0
	github.com/wasilibs/go-pgquery v0.0.0-20260728010200-155ebad2880e
)

require (
	github.com/pganalyze/pg_query_go/v6 v6.2.2 // indirect
	github.com/tetratelabs/wazero v1.12.0 // indirect
	github.com/wasilibs/wazero-helpers v0.0.0-20250123031827-cd30c44769bb // indirect
	golang.org/x/sys v0.47.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)
