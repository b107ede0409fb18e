package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// installation is what an overlay amounts to, decoded strictly.
type installation struct {
	name        string
	deployments []*appsv1.Deployment
	jobs        []*batchv1.Job
	cronJobs    []*batchv1.CronJob
	services    map[string]*corev1.Service
	budgets     map[string]*policyv1.PodDisruptionBudget
	scalers     map[string]*autoscalingv2.HorizontalPodAutoscaler
	policies    []*networkingv1.NetworkPolicy
	ingresses   []*networkingv1.Ingress
	configMaps  map[string]*corev1.ConfigMap
	custom      map[string]map[string]any // by Kind/name
}

// operators are the API versions of what belongs to an operator; the shape of
// those is the operator's to check (kubectl apply --dry-run=server).
var operators = []string{
	"postgresql.cnpg.io/v1", "barmancloud.cnpg.io/v1", "kafka.strimzi.io/v1", "opensearch.org/v1", "monitoring.coreos.com/v1",
}

func build(t *testing.T, overlay string) *installation {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(deploy, "k8s", "overlays", overlay))
	if err != nil {
		t.Fatal(err)
	}
	x := &installation{name: overlay, services: map[string]*corev1.Service{}, budgets: map[string]*policyv1.PodDisruptionBudget{},
		scalers: map[string]*autoscalingv2.HorizontalPodAutoscaler{}, configMaps: map[string]*corev1.ConfigMap{}, custom: map[string]map[string]any{}}
	for _, r := range resources.Resources() {
		content, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		x.decode(t, r.GetApiVersion(), r.GetKind(), r.GetName(), content)
	}
	return x
}

func (x *installation) decode(t *testing.T, version, kind, name string, content []byte) {
	t.Helper()
	switch version + " " + kind {
	case "apps/v1 Deployment":
		x.deployments = append(x.deployments, strict[appsv1.Deployment](t, name, content))
	case "batch/v1 Job":
		x.jobs = append(x.jobs, strict[batchv1.Job](t, name, content))
	case "batch/v1 CronJob":
		x.cronJobs = append(x.cronJobs, strict[batchv1.CronJob](t, name, content))
	case "v1 Service":
		x.services[name] = strict[corev1.Service](t, name, content)
	case "v1 ConfigMap":
		x.configMaps[name] = strict[corev1.ConfigMap](t, name, content)
	case "v1 Namespace":
		strict[corev1.Namespace](t, name, content)
	case "policy/v1 PodDisruptionBudget":
		x.budgets[name] = strict[policyv1.PodDisruptionBudget](t, name, content)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		x.scalers[name] = strict[autoscalingv2.HorizontalPodAutoscaler](t, name, content)
	case "networking.k8s.io/v1 NetworkPolicy":
		x.policies = append(x.policies, strict[networkingv1.NetworkPolicy](t, name, content))
	case "networking.k8s.io/v1 Ingress":
		x.ingresses = append(x.ingresses, strict[networkingv1.Ingress](t, name, content))
	default:
		if !slices.Contains(operators, version) {
			t.Errorf("%s: nobody checks %s %s %s", x.name, version, kind, name)
		}
		x.custom[kind+"/"+name] = *strict[map[string]any](t, name, content)
	}
}

func strict[T any](t *testing.T, name string, content []byte) *T {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict(content, v); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return v
}

// TestKubernetes builds every overlay and looks at what a schema cannot know.
func TestKubernetes(t *testing.T) {
	overlays, err := os.ReadDir(filepath.Join(deploy, "k8s", "overlays"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range overlays {
		t.Run(o.Name(), func(t *testing.T) {
			x := build(t, o.Name())
			if len(x.deployments) != 5 || len(x.jobs)+len(x.cronJobs) != 3 {
				t.Errorf("%d deployments and %d jobs", len(x.deployments), len(x.jobs)+len(x.cronJobs))
			}
			for _, d := range x.deployments {
				if d.Name == "redis" {
					x.checkCache(t, d)
					continue
				}
				x.checkDeployment(t, d)
			}
			for _, j := range x.jobs {
				x.checkPod(t, j.Name, &j.Spec.Template)
			}
			for _, j := range x.cronJobs {
				x.checkPod(t, j.Name, &j.Spec.JobTemplate.Spec.Template)
				if j.Spec.Suspend == nil || !*j.Spec.Suspend {
					t.Errorf("%s would run by the clock", j.Name)
				}
			}
			x.checkReferences(t)
			x.checkState(t)
		})
	}
}

func (x *installation) checkDeployment(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	pod := &d.Spec.Template
	x.checkPod(t, d.Name, pod)
	c := pod.Spec.Containers[0]
	if c.LivenessProbe == nil || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.StartupProbe == nil {
		t.Errorf("%s: probes", d.Name)
	}
	if len(pod.Spec.TopologySpreadConstraints) < 2 {
		t.Errorf("%s: may end up on one machine", d.Name)
	}
	for _, s := range pod.Spec.TopologySpreadConstraints {
		selects(t, d.Name+": spread", s.LabelSelector.MatchLabels, pod.Labels)
	}
	if budget := x.budgets[d.Name]; budget == nil {
		t.Errorf("%s: has no disruption budget", d.Name)
	} else {
		selects(t, d.Name+": budget", budget.Spec.Selector.MatchLabels, pod.Labels)
	}
	scaler := x.scalers[d.Name]
	switch {
	case scaler == nil && (d.Spec.Replicas == nil || *d.Spec.Replicas < 2):
		t.Errorf("%s: one replica is an outage at every release", d.Name)
	case scaler != nil && (d.Spec.Replicas != nil || *scaler.Spec.MinReplicas < 2):
		t.Errorf("%s: replicas are the autoscaler's to set, from 2", d.Name)
	}
}

var secretName = regexp.MustCompile(`PASSWORD|SECRET|KEY|DATABASE_URL`)

// fromElsewhere are variables that are no settings of ours: libpq's, and the Go
// runtime's; and what goes into REDIS_URL.
var fromElsewhere = []string{"PGSSLMODE", "PGSSLROOTCERT", "GOMEMLIMIT", "REDIS_PASSWORD"}

// checkPod looks at a pod of one of our commands.
func (x *installation) checkPod(t *testing.T, name string, pod *corev1.PodTemplateSpec) {
	t.Helper()
	x.checkClosed(t, name, pod)
	c := pod.Spec.Containers[0]
	given := container{where: x.name + ": " + name, args: c.Args}
	for _, e := range c.Env {
		if !slices.Contains(fromElsewhere, e.Name) {
			given.env = append(given.env, e.Name)
		}
		x.checkFile(t, name, e, &c)
		x.checkConfigMap(t, name, e)
	}
	checkContainer(t, given)
}

// checkClosed: the pod may do, use and reach no more than it needs.
func (x *installation) checkClosed(t *testing.T, name string, pod *corev1.PodTemplateSpec) {
	t.Helper()
	if len(pod.Spec.Containers) != 1 {
		t.Fatalf("%s: %d containers", name, len(pod.Spec.Containers))
	}
	c := pod.Spec.Containers[0]
	if s := pod.Spec.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil {
		t.Errorf("%s: the pod may be root, or has no seccomp profile", name)
	}
	if s := c.SecurityContext; s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Contains(s.Capabilities.Drop, "ALL") {
		t.Errorf("%s: the container may do more than it needs", name)
	}
	if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
		t.Errorf("%s: is given a token of the cluster", name)
	}
	if c.Resources.Requests.Cpu().IsZero() || c.Resources.Limits.Memory().IsZero() {
		t.Errorf("%s: requests CPU %s, memory limit %s", name, c.Resources.Requests.Cpu(), c.Resources.Limits.Memory())
	}
	if _, tag, ok := strings.Cut(c.Image, ":"); !ok || tag == "latest" || tag == "unset" {
		t.Errorf("%s: the image %s has no version", name, c.Image)
	}
	for _, e := range c.Env {
		if secretName.MatchString(e.Name) && (e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil) {
			t.Errorf("%s: %s is a secret, and not by reference", name, e.Name)
		}
	}
	x.checkPolicies(t, name, pod.Labels)
}

// checkFile: a variable that names a file below /etc/movies has it mounted.
func (x *installation) checkFile(t *testing.T, name string, e corev1.EnvVar, c *corev1.Container) {
	t.Helper()
	value := e.Value
	if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
		if m := x.configMaps[e.ValueFrom.ConfigMapKeyRef.Name]; m != nil {
			value = m.Data[e.ValueFrom.ConfigMapKeyRef.Key]
		}
	}
	mounted := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return strings.HasPrefix(value, m.MountPath+"/") })
	if strings.HasPrefix(value, "/etc/movies/") && !mounted {
		t.Errorf("%s: %s is %s, which is not mounted", name, e.Name, value)
	}
}

func (x *installation) checkConfigMap(t *testing.T, name string, e corev1.EnvVar) {
	t.Helper()
	if e.ValueFrom == nil || e.ValueFrom.ConfigMapKeyRef == nil {
		return
	}
	ref := e.ValueFrom.ConfigMapKeyRef
	if m := x.configMaps[ref.Name]; m == nil || m.Data[ref.Key] == "" {
		t.Errorf("%s: %s comes from %s, key %s, which is not there", name, e.Name, ref.Name, ref.Key)
	}
}

// checkPolicies: the pod is closed both ways but for what is named.
func (x *installation) checkPolicies(t *testing.T, name string, pod map[string]string) {
	t.Helper()
	directions := map[networkingv1.PolicyType]bool{}
	for _, p := range x.policies {
		if selected(t, p.Spec.PodSelector.MatchLabels, pod) && len(p.Spec.PodSelector.MatchExpressions) == 0 {
			for _, d := range p.Spec.PolicyTypes {
				directions[d] = true
			}
		}
	}
	if !directions[networkingv1.PolicyTypeIngress] || !directions[networkingv1.PolicyTypeEgress] {
		t.Errorf("%s: no network policy closes it: %v", name, directions)
	}
}

func selects(t *testing.T, where string, selector, pod map[string]string) {
	t.Helper()
	if len(selector) == 0 || !selected(t, selector, pod) {
		t.Errorf("%s: %v does not select %v", where, selector, pod)
	}
}

func selected(t *testing.T, selector, pod map[string]string) bool {
	t.Helper()
	s, err := labels.ValidatedSelectorFromSet(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(pod))
}
