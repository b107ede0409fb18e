// Package chaos holds one test: the whole path on real servers, under fire. It is
// run by make chaos, for it takes minutes. Writers change movies and the rows
// around them with plain SQL, while servers and processes are killed with SIGKILL
// and connections are cut and slowed. When everything has calmed down, reindex
// verify compares every document with the database. The seed decides which faults
// come when; what the servers make of them it cannot decide. Package simulate is
// where a seed decides everything.
package chaos
