#!/bin/sh
# Before the first `azd provision`: makes the secrets. Once there is a vault, what it holds stays.
set -eu
if [ -n "${KEY_VAULT_NAME:-}" ]; then
    exit 0
fi
eval "$("$(dirname "$0")/../secrets.sh")"
azd env set CLIENT_STATE_KEYS "$CLIENT_STATE_KEYS"
azd env set API_TOKEN "$API_TOKEN"
azd env set SIDECAR_KEY "$SIDECAR_KEY"
