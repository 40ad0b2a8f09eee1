#!/bin/sh
# Lets GitHub deploy without a stored secret: an application that trusts the workflow's own tokens (OpenID Connect).
#
#   REPOSITORY=owner/name GROUP=resource-group infra/entra/deployer.sh
#
# It may change what is in the resource group, and give roles there, and nothing else.
# Needs: az, signed in as an Owner of the resource group. Not tried on a real tenant yet.
set -eu
: "${REPOSITORY:?Set REPOSITORY to owner/name.}" "${GROUP:?Set GROUP to the resource group.}"

app=$(az ad app create --display-name "Relay365 deployer ($REPOSITORY)" --query appId --output tsv)
az ad sp show --id "$app" --output none 2>/dev/null || az ad sp create --id "$app" --output none
# https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments
az ad app federated-credential create --id "$app" --output none --parameters "{
    \"name\": \"github-production\",
    \"issuer\": \"https://token.actions.githubusercontent.com\",
    \"subject\": \"repo:$REPOSITORY:environment:production\",
    \"audiences\": [\"api://AzureADTokenExchange\"]
}"
scope=$(az group show --name "$GROUP" --query id --output tsv)
principal=$(az ad sp show --id "$app" --query id --output tsv)
for role in "Contributor" "Role Based Access Control Administrator"; do
    az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
        --role "$role" --scope "$scope" --output none
done
echo "AZURE_CLIENT_ID=$app"
echo "AZURE_TENANT_ID=$(az account show --query tenantId --output tsv)"
echo "AZURE_SUBSCRIPTION_ID=$(az account show --query id --output tsv)"
