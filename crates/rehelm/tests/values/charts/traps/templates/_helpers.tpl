{{- define "traps.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- define "traps.pod" -}}
{{- with .part.probes }}
livenessProbe: {{- toYaml . | nindent 2 }}
{{- end }}
priorityClassName: {{ .part.priority | default "normal" }}
{{- end -}}
