// Package balancer is the load balancer before several api processes: a
// configuration of HAProxy, and the test that they are restarted one by one under
// load without a request that fails (make rolling-test).
package balancer
