#!/bin/sh
# Lets GitHub deploy without a stored secret: an application that trusts the workflow's own tokens (OpenID Connect).
#
#   REPOSITORY=owner/name GROUP=resource-group infra/entra/deployer.sh
#
# Repositories made or renamed since 15 July 2026 tell their ids beside their names, so that nobody is trusted who takes a
# name that became free. For one of these add OWNER_ID and REPOSITORY_ID; `gh api repos/owner/name --jq '.owner.id, .id'`
# prints them. Where the workflow's sign-in fails with AADSTS700213, its message says which subject GitHub told.
# https://learn.microsoft.com/entra/workload-id/workload-identities-github-immutable-subjects
#
# It may change what is in the resource group, and give roles there, and nothing else: infra/providers.sh comes before.
# The environment `production` decides who may deploy: let it take the branch main only.
# Needs: az, signed in as an Owner of the resource group. Not tried on a real tenant yet.
set -eu
: "${REPOSITORY:?Set REPOSITORY to owner/name.}" "${GROUP:?Set GROUP to the resource group.}"

repository=$REPOSITORY
if [ -n "${OWNER_ID:-}" ] && [ -n "${REPOSITORY_ID:-}" ]; then
    repository="${REPOSITORY%%/*}@$OWNER_ID/${REPOSITORY#*/}@$REPOSITORY_ID"
fi
app=$(az ad app create --display-name "Relay365 deployer ($REPOSITORY)" --query appId --output tsv)
az ad sp show --id "$app" --output none 2>/dev/null || az ad sp create --id "$app" --output none
# https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments
if [ -z "$(az ad app federated-credential list --id "$app" --query "[?name=='github-production'].id" --output tsv)" ]; then
    az ad app federated-credential create --id "$app" --output none --parameters "{
        \"name\": \"github-production\",
        \"issuer\": \"https://token.actions.githubusercontent.com\",
        \"subject\": \"repo:$repository:environment:production\",
        \"audiences\": [\"api://AzureADTokenExchange\"]
    }"
fi
scope=$(az group show --name "$GROUP" --query id --output tsv)
principal=$(az ad sp show --id "$app" --query id --output tsv)
for role in "Contributor" "Role Based Access Control Administrator"; do
    az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
        --role "$role" --scope "$scope" --output none
done
echo "AZURE_CLIENT_ID=$app"
echo "AZURE_TENANT_ID=$(az account show --query tenantId --output tsv)"
echo "AZURE_SUBSCRIPTION_ID=$(az account show --query id --output tsv)"
echo "AZURE_RESOURCE_GROUP=$GROUP"
