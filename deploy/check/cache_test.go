package check

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// checkCache: Redis is bounded and keeps nothing on disk, the api is told of it, and
// each may reach the other.
func (x *installation) checkCache(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	pod := &d.Spec.Template
	x.checkClosed(t, d.Name, pod)
	c := pod.Spec.Containers[0]
	checkBounded(t, x.name+": "+d.Name, c.Args, c.Resources.Limits.Memory().Value())
	if len(pod.Spec.Volumes) > 0 || c.LivenessProbe == nil || c.ReadinessProbe == nil || c.StartupProbe == nil {
		t.Errorf("%s: volumes %v, or a probe is missing", d.Name, pod.Spec.Volumes)
	}
	for _, api := range x.deployments {
		if api.Name != "api" {
			continue
		}
		i := slices.IndexFunc(api.Spec.Template.Spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "REDIS_URL" })
		if i < 0 {
			t.Fatal("api: has no REDIS_URL")
		}
		at, err := url.Parse(api.Spec.Template.Spec.Containers[0].Env[i].Value)
		if err != nil || x.services[at.Hostname()] == nil {
			t.Fatalf("api: REDIS_URL is of no service: %v %v", at, err)
		}
		selects(t, "service "+at.Hostname(), x.services[at.Hostname()].Spec.Selector, pod.Labels)
		if !x.mayReach(t, api.Spec.Template.Labels, pod.Labels, c.Ports[0].ContainerPort) {
			t.Errorf("%s: network policies keep the api from it", d.Name)
		}
	}
}

// mayReach tells whether policies let one pod open a connection to the other.
func (x *installation) mayReach(t *testing.T, from, to map[string]string, port int32) bool {
	t.Helper()
	allows := func(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, pod map[string]string) bool {
		return slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
			return p.PodSelector != nil && p.NamespaceSelector == nil && selected(t, p.PodSelector.MatchLabels, pod)
		}) && slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntVal == port })
	}
	leaves, enters := false, false
	for _, p := range x.policies {
		if len(p.Spec.PodSelector.MatchExpressions) > 0 {
			continue
		}
		if selected(t, p.Spec.PodSelector.MatchLabels, from) {
			leaves = leaves || slices.ContainsFunc(p.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return allows(r.To, r.Ports, to) })
		}
		if selected(t, p.Spec.PodSelector.MatchLabels, to) {
			enters = enters || slices.ContainsFunc(p.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool { return allows(r.From, r.Ports, from) })
		}
	}
	return leaves && enters
}

// checkBounded: Redis drops what was not used for longest, well before its
// container's memory ends, and writes nothing to disk.
func checkBounded(t *testing.T, where string, args []string, limit int64) {
	t.Helper()
	settings := map[string]string{}
	for i, a := range args[:max(len(args)-1, 0)] {
		if name, ok := strings.CutPrefix(a, "--"); ok {
			settings[name] = args[i+1]
		}
	}
	used, err := resource.ParseQuantity(strings.NewReplacer("gb", "Gi", "mb", "Mi").Replace(settings["maxmemory"]))
	if err != nil || used.Value()*5 > limit*4 {
		t.Errorf("%s: uses %q of %d bytes: a fifth must be free", where, settings["maxmemory"], limit)
	}
	save, saves := settings["save"]
	if settings["maxmemory-policy"] != "allkeys-lru" || !saves || save != "" || settings["appendonly"] != "no" {
		t.Errorf("%s: is no plain cache: %v", where, settings)
	}
}

// checkComposedCache is checkCache of the compose file.
func checkComposedCache(t *testing.T, services types.Services) {
	t.Helper()
	redis := services["redis"]
	checkBounded(t, "compose.yaml: redis", redis.Entrypoint, int64(redis.MemLimit))
	at := services["api"].Environment["REDIS_URL"]
	if at == nil || !strings.HasPrefix(*at, "redis://redis:") || len(redis.Volumes) > 0 {
		t.Errorf("compose.yaml: the api is not told of redis, or redis has a volume")
	}
}
