{{- define "endcap.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, with the chart's where it does not contain it; 43 letters, so that suffixes fit. */}}
{{- define "endcap.fullname" -}}
{{- $name := include "endcap.name" . -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $whole | trunc 43 | trimSuffix "-" -}}
{{- end -}}

{{/* What a selector may hold: it can never change. Takes root and component. */}}
{{- define "endcap.selector" -}}
app.kubernetes.io/name: {{ include "endcap.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "endcap.labels" -}}
{{ include "endcap.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* repository@digest, or repository:tag. Takes root and image. */}}
{{- define "endcap.image" -}}
{{- with .image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.root.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "endcap.serviceAccount" -}}
{{- $own := ternary (include "endcap.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $own -}}
{{- end -}}

{{- define "endcap.claim" -}}
{{- .Values.bundle.claim.existingClaim | default (printf "%s-bundles" (include "endcap.fullname" .)) -}}
{{- end -}}

{{/* What Kubernetes' restricted Pod Security asks of pods and containers. */}}
{{- define "endcap.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "endcap.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where health checks go: with TLS a plain port of their own. */}}
{{- define "endcap.healthPort" -}}
{{- ternary 50052 50051 .Values.tls.enabled -}}
{{- end -}}

{{/* Settings that only make sense together. */}}
{{- define "endcap.check" -}}
{{- with .Values -}}
{{- if and .tls.enabled (not .tls.secretName) -}}
{{- fail "tls.secretName is empty, expected the name of a secret with tls.crt and tls.key, since tls.enabled is true" -}}
{{- end -}}
{{- if and .tls.requireClientCertificate (not .tls.enabled) -}}
{{- fail "tls.requireClientCertificate is true, expected tls.enabled to be true as well" -}}
{{- end -}}
{{- if and (eq .bundle.from "fetch") (not .bundle.fetch.image) -}}
{{- fail "bundle.fetch.image is empty, expected an image that copies a bundle, since bundle.from is fetch" -}}
{{- end -}}
{{- if and .autoscaling.enabled (not .autoscaling.inFlight.enabled) (not .autoscaling.cpu.enabled) -}}
{{- fail "autoscaling.inFlight.enabled and autoscaling.cpu.enabled are both false, expected one of them, since autoscaling.enabled is true" -}}
{{- end -}}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- fail (printf "autoscaling.minReplicas is %d, expected at most autoscaling.maxReplicas, %d" (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- end -}}
{{- if and .autoscaling.enabled .autoscaling.cpu.enabled (not (dig "requests" "cpu" "" .resources)) -}}
{{- fail "resources.requests.cpu is missing, expected a number of cores, since autoscaling.cpu counts in parts of it" -}}
{{- end -}}
{{- if .training.enabled -}}
{{- if ne .bundle.from "claim" -}}
{{- fail (printf "bundle.from is %s, expected claim, since training writes bundles to it" .bundle.from) -}}
{{- end -}}
{{- if not .training.shop -}}
{{- fail "training.shop is empty, expected the contents of a shop.toml, since training.enabled is true" -}}
{{- end -}}
{{- if not .training.data.existingClaim -}}
{{- fail "training.data.existingClaim is empty, expected the claim that holds the shop's tables, since training.enabled is true" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
