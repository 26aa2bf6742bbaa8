#!/bin/sh
# Reads Helm's render, applies the patches of this folder, writes the outcome. Needs kubectl (or KUBECTL_BIN), or kustomize.
set -eu
umask 077
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp -R "$here/kustomization.yaml" "$here/patches" "$work/"
cat > "$work/rendered.yaml"
# Nothing was rendered: newer Helm asks for hooks and manifests one after the other.
if ! grep -q '^ *"\{0,1\}kind"\{0,1\}:' "$work/rendered.yaml"; then
  cat "$work/rendered.yaml"
  exit 0
fi
if [ -n "${KUBECTL_BIN:-}" ] || command -v kubectl >/dev/null 2>&1; then
  "${KUBECTL_BIN:-kubectl}" kustomize "$work"
else
  kustomize build "$work"
fi
