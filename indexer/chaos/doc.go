// Package chaos holds one test: the whole path on real servers, under fire. It is
// run by make chaos, for it takes minutes. Writers change movies and the rows
// around them with plain SQL, and an operator rebuilds the index, while servers
// and processes are killed with SIGKILL and frozen, connections are cut and
// slowed, items of bulk requests are turned away, and groups are made to
// rebalance. When everything has calmed down, every document of every index that
// is fed is compared with the database, by reindex verify and once more by other
// means.
//
// The seed decides which faults come in which order; what the servers make of
// them it cannot decide. Package simulate is where a seed decides everything.
package chaos
