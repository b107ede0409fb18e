// Package check holds what deploy/ is held to: manifests and the compose file
// decode strictly and name settings that the commands have; alert rules and
// dashboards name metrics that the processes export, and the rules fire when they
// should, by Prometheus' own engine.
//
// It is a module of its own, so that Kubernetes and Prometheus are no
// dependencies of the service. It needs Go only: no cluster, no network once the
// modules are there. `make deploy-check` runs it.
package check
