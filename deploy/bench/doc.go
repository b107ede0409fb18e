// Package bench measures the anonymous path: the fixed workload (package
// workload) put on the whole service in an open loop (package load), and the same
// questions to what people would pick instead, over the same movies on the same
// machine (reference/): Postgres alone, and FastAPI with Postgres and Redis.
//
// It is one test behind the build tag bench, which make bench-anonymous runs on
// servers of its own; the Makefile tells its variables. Everything shares the
// machine, generator and servers alike, so figures are for comparison in one run.
package bench
