{{- define "ccr.namespace" -}}
{{- .Values.global.namespace | default .Release.Namespace -}}
{{- end -}}

{{- define "ccr.image" -}}
{{- $image := index .Values.global.images .name -}}
{{- printf "%s/%s:%s" .Values.global.registry.address $image.repository (toString $image.tag) -}}
{{- end -}}

{{- define "ccr.controllerImage" -}}
{{- include "ccr.image" (dict "Values" .Values "name" "controller") -}}
{{- end -}}

{{- define "ccr.agentImage" -}}
{{- include "ccr.image" (dict "Values" .Values "name" "agent") -}}
{{- end -}}

{{- define "ccr.labels" -}}
app.kubernetes.io/name: cluster-cert-rotator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What finds the controller's Pods: part of the Deployment's immutable selector. */}}
{{- define "ccr.controllerSelector" -}}
app: cluster-cert-rotator
app.kubernetes.io/component: controller
{{- end -}}

{{- define "ccr.pullSecrets" -}}
{{- with .Values.global.registry.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ if kindIs "map" . }}{{ .name }}{{ else }}{{ . }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* "true" where the cluster has ValidatingAdmissionPolicy (Kubernetes 1.30). */}}
{{- define "ccr.hasPolicies" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}true{{- end -}}
{{- end -}}

{{/* The controller's command and environment: the policy allows these and no others. */}}
{{- define "ccr.controllerCommand" -}}
["/usr/bin/node", "/opt/cluster-cert-rotator/controller.mjs"]
{{- end -}}

{{- define "ccr.controllerEnvironment" -}}
- {name: CONFIG_FILE, value: /etc/cluster-cert-rotator/config.yaml}
- {name: LISTEN, value: {{ printf "%s:%d" (ternary "127.0.0.1" "" .Values.controller.hostNetwork) (int .Values.controller.port) | quote }}}
- {name: METRICS_LISTEN, value: {{ printf ":%d" (int .Values.controller.metricsPort) | quote }}}
- {name: LOG_LEVEL, value: {{ .Values.controller.logLevel | quote }}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
{{- if not (include "ccr.hasPolicies" .) }}
- {name: WITHOUT_ADMISSION_POLICY, value: "true"}
{{- end }}
{{- if .Values.controller.keyEncryptionKeySecret }}
- {name: KEK_FILE, value: /etc/cluster-cert-rotator-kek/key}
{{- end }}
{{- end -}}

{{/* A CEL list of strings. */}}
{{- define "ccr.celList" -}}
{{- toRawJson (default (list) .) -}}
{{- end -}}
