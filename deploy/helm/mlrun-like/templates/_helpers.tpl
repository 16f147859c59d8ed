{{- define "mlrun-like.name" -}}
{{- if contains "mlrun-like" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-mlrun-like" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "mlrun-like.selector" -}}
app.kubernetes.io/name: mlrun-like
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mlrun-like.labels" -}}
{{ include "mlrun-like.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "mlrun-like.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "mlrun-like.account" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "mlrun-like.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end -}}
{{- end }}

{{- define "mlrun-like.database" -}}
{{- if .Values.postgresql.external.secret }}{{ .Values.postgresql.external.secret }}{{ else if .Values.postgresql.enabled }}{{ required "postgresql.secret names the Secret with password and url" .Values.postgresql.secret }}{{ end -}}
{{- end }}

{{- define "mlrun-like.claim" -}}
{{ .Values.storage.existingClaim | default (include "mlrun-like.name" .) }}
{{- end }}

{{- /* What must not be: it would lose data, and nobody would be told. */ -}}
{{- define "mlrun-like.check" -}}
{{- $many := or (gt (int .Values.service.replicas) 1) .Values.autoscaling.enabled .Values.workers.enabled .Values.gateway.enabled -}}
{{- $database := include "mlrun-like.database" . -}}
{{- if and $many (not $database) }}{{ fail "several pods need PostgreSQL: set postgresql.enabled or postgresql.external.secret" }}{{ end -}}
{{- if and (not $database) (not .Values.storage.enabled) }}{{ fail "SQLite needs storage.enabled, or all is lost with the pod" }}{{ end -}}
{{- if and $many .Values.storage.enabled (ne .Values.storage.accessMode "ReadWriteMany") }}{{ fail "several pods share artifacts: storage.accessMode must be ReadWriteMany, or switch storage off and set artifact_path in service.settings to a URL" }}{{ end -}}
{{- if and $database (not .Values.service.secret) }}{{ fail "service.secret must name a Secret with MLRUN_LIKE_SERVICE_SECRET_KEYS: pods have no place of their own for the key" }}{{ end -}}
{{- end }}

{{- define "mlrun-like.pod-security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "mlrun-like.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "mlrun-like.settings" -}}
- configMapRef:
    name: {{ include "mlrun-like.name" . }}
{{- with .Values.service.secret }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end }}

{{- define "mlrun-like.environment" -}}
- name: MLRUN_LIKE_HOME
  value: /var/lib/mlrun-like
- name: MPLCONFIGDIR
  value: /tmp
{{- with (include "mlrun-like.database" .) }}
- name: MLRUN_LIKE_DBPATH
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: url
{{- end }}
{{- end }}

{{- define "mlrun-like.volumes" -}}
- name: tmp
  emptyDir: {}
{{- if include "mlrun-like.database" . }}
- name: home
  emptyDir: {}
{{- end }}
{{- if .Values.storage.enabled }}
- name: kept
  persistentVolumeClaim:
    claimName: {{ include "mlrun-like.claim" . }}
{{- end }}
{{- end }}

{{- define "mlrun-like.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if include "mlrun-like.database" . }}
- name: home
  mountPath: /var/lib/mlrun-like
{{- if .Values.storage.enabled }}
- name: kept
  mountPath: /var/lib/mlrun-like/artifacts
{{- end }}
{{- else }}
- name: kept
  mountPath: /var/lib/mlrun-like
{{- end }}
{{- end }}
