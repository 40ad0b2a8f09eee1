#!/bin/sh
# After each `azd provision`: forgets the secrets, which the vault has now, and builds the sidecar's image of this commit.
set -eu
cd "$(dirname "$0")/../.."
for name in CLIENT_STATE_KEYS API_TOKEN SIDECAR_KEY; do
    azd env set "$name" ""
done
if [ "${DEPLOY_SIDECAR:-false}" != true ]; then
    exit 0
fi
registry=$(azd env get-value AZURE_CONTAINER_REGISTRY_ENDPOINT)
image="sidecar:$(git rev-parse --short=12 HEAD)"
case "${SIDECAR_IMAGE:-}" in
    # What runs is this commit's already.
    "$registry/$image") exit 0 ;;
    # There is none, or a former commit's.
    "" | "$registry"/sidecar:????????????) ;;
    # Somebody built and named one.
    *) exit 0 ;;
esac
az acr build --subscription "$AZURE_SUBSCRIPTION_ID" --registry "${registry%%.*}" --image "$image" --file sidecar/Dockerfile .
azd env set SIDECAR_IMAGE "$registry/$image"
# Once more, now that there is an image; this time it ends above.
azd provision --no-prompt
