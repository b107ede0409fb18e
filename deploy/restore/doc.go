// Package restore holds one test, run by make restore-test: the section on backups
// of deploy/README.md, done for real. A base backup and the archived WAL are all
// that is left; Postgres, Kafka and the search cluster are lost with their data.
// After the restore every search answers as it did before.
package restore
