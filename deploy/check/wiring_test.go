package check

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// checkReferences: what one part names, another part is.
func (x *installation) checkReferences(t *testing.T) {
	t.Helper()
	find := func(name string) *appsv1.Deployment {
		for _, d := range x.deployments {
			if d.Name == name {
				return d
			}
		}
		t.Errorf("%s: there is no deployment %s", x.name, name)
		return &appsv1.Deployment{}
	}
	for name, s := range x.services {
		selects(t, "service "+name, s.Spec.Selector, find(name).Spec.Template.Labels)
	}
	for name, s := range x.scalers {
		find(s.Spec.ScaleTargetRef.Name)
		x.checkScalerMetrics(t, name, s)
	}
	for _, i := range x.ingresses {
		x.checkIngress(t, i)
	}
}

// checkIngress: public paths go to services that are there, private ones nowhere,
// and neither requests nor bodies are without bound.
func (x *installation) checkIngress(t *testing.T, i *networkingv1.Ingress) {
	t.Helper()
	for _, annotation := range []string{"nginx.org/limit-req-rate", "nginx.org/limit-req-key", "nginx.org/client-max-body-size"} {
		if i.Annotations[annotation] == "" {
			t.Errorf("ingress: no %s", annotation)
		}
	}
	for _, r := range i.Spec.Rules {
		for _, p := range r.HTTP.Paths {
			if s := x.services[p.Backend.Service.Name]; s == nil || s.Spec.Ports[0].Name != p.Backend.Service.Port.Name {
				t.Errorf("ingress: %s goes to a service that is not there", p.Path)
			}
			private := p.Path == "/" && *p.PathType != networkingv1.PathTypeExact || strings.HasPrefix(p.Path, "/metrics") || strings.HasPrefix(p.Path, "/readyz")
			if private {
				t.Errorf("ingress: %s shows /metrics to everybody", p.Path)
			}
		}
		if len(i.Spec.TLS) == 0 || !slices.Contains(i.Spec.TLS[0].Hosts, r.Host) {
			t.Errorf("ingress: %s has no certificate", r.Host)
		}
	}
}

// adapterConfig is the part of the Prometheus adapter's configuration that is used.
type adapterConfig struct {
	Rules []struct {
		SeriesQuery, MetricsQuery string
		Resources                 struct {
			Overrides map[string]struct{ Resource string }
		}
		Name struct{ Matches, As string }
	}
}

// checkScalerMetrics: the adapter makes every metric that a scaler asks for, from
// series that exist.
func (x *installation) checkScalerMetrics(t *testing.T, name string, s *autoscalingv2.HorizontalPodAutoscaler) {
	t.Helper()
	adapter := x.configMaps["movies-metrics-adapter"]
	if adapter == nil {
		return // this installation brings its own
	}
	var config adapterConfig
	if err := yaml.UnmarshalStrict([]byte(adapter.Data["config.yaml"]), &config); err != nil {
		t.Fatal(err)
	}
	made := map[string]string{}
	for _, r := range config.Rules {
		made[r.Name.As] = strings.NewReplacer("<<.GroupBy>>", "instance", "<<.LabelMatchers>>", "").Replace(r.MetricsQuery)
	}
	for _, m := range s.Spec.Metrics {
		if m.Type != autoscalingv2.PodsMetricSourceType {
			continue
		}
		query, ok := made[m.Pods.Metric.Name]
		if !ok {
			t.Errorf("%s scales by %s, which the adapter does not make", name, m.Pods.Metric.Name)
			continue
		}
		checkQuery(t, m.Pods.Metric.Name, query, exported(t))
	}
}

// checkState: what the guarantees rest on.
func (x *installation) checkState(t *testing.T) {
	t.Helper()
	for path, want := range map[string]any{
		"Kafka/events spec.kafka.config.min.insync.replicas":                              float64(2),
		"Kafka/events spec.kafka.config.unclean.leader.election.enable":                   false,
		"Kafka/events spec.kafka.config.auto.create.topics.enable":                        false,
		"KafkaNodePool/brokers spec.replicas":                                             float64(3),
		"Cluster/catalogue spec.instances":                                                float64(3),
		"Cluster/catalogue spec.postgresql.synchronous.dataDurability":                    "required",
		"Cluster/accounts spec.instances":                                                 float64(3),
		"OpenSearchCluster/search spec.general.additionalConfig.action.auto_create_index": "false",
		"ScheduledBackup/catalogue spec.cluster.name":                                     "catalogue",
		"ScheduledBackup/accounts spec.cluster.name":                                      "accounts",
		"OpensearchSnapshotPolicy/nightly spec.snapshotConfig.repository":                 "backups",
	} {
		object, field, _ := strings.Cut(path, " ")
		if got := lookInto(x.custom[object], field); got != want {
			t.Errorf("%s: %s is %v, not %v", x.name, path, got, want)
		}
	}
	if bound := lookInto(x.custom["Cluster/catalogue"], "spec.postgresql.parameters.max_slot_wal_keep_size"); bound == nil {
		t.Errorf("%s: nothing bounds the WAL kept for the relay", x.name)
	}
}

// lookInto follows a path; a key may contain dots itself.
func lookInto(v any, path string) any {
	if path == "" {
		return v
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	for key, inner := range m {
		if rest, ok := strings.CutPrefix(path, key); ok && (rest == "" || rest[0] == '.') {
			if found := lookInto(inner, strings.TrimPrefix(rest, ".")); found != nil {
				return found
			}
		}
	}
	return nil
}
