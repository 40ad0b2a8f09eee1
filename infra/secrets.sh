#!/bin/sh
# Prints the three secrets of a first deployment as shell commands: eval "$(infra/secrets.sh)"
# The deployment writes them into the vault; afterwards nobody needs to keep them.
set -eu
echo "export CLIENT_STATE_KEYS='k1:$(openssl rand -base64 32)'"
echo "export API_TOKEN='$(openssl rand -hex 32)'"
echo "export SIDECAR_KEY='$(openssl rand -hex 32)'"
