#!/bin/sh
# Application access: registers an Entra application that reads mailboxes without a user, and without a secret.
#
#   IDENTITY=object-id-of-the-managed-identity infra/entra/application.sh
#
# By default the application may read no mailbox until mailboxes.ps1 names some (RBAC for Applications). With
# EVERY_MAILBOX=true it gets Graph's permissions for the whole tenant instead: the two add up, so one undoes the other.
# WRITE=true asks for Mail.ReadWrite, SEND=true for Mail.Send beside it.
# Needs: az, signed in as an Application Administrator (EVERY_MAILBOX: a Privileged Role Administrator).
# Not tried on a real tenant yet.
set -eu
: "${IDENTITY:?Set IDENTITY to the principal id of the managed identity of the function app (output identityPrincipalId).}"
name=${NAME:-Relay365}
graph=00000003-0000-0000-c000-000000000000

# One of exactly this name is taken as it is; `az ad app list --display-name` would also find those that begin with it.
app=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
az ad sp show --id "$app" --output none 2>/dev/null || az ad sp create --id "$app" --output none

# The application trusts the managed identity, so there is no secret that could leak or expire.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
authority=$(az cloud show --query endpoints.activeDirectory --output tsv)
case "$(az cloud show --query name --output tsv)" in
    AzureUSGovernment) audience=api://AzureADTokenExchangeUSGov ;;
    # There tokens do not name the host that gives them.
    AzureChinaCloud) audience=api://AzureADTokenExchangeChina authority=https://login.partner.microsoftonline.cn ;;
    *) audience=api://AzureADTokenExchange ;;
esac
tenant=$(az account show --query tenantId --output tsv)
if [ -z "$(az ad app federated-credential list --id "$app" --query "[?name=='relay365'].id" --output tsv)" ]; then
    az ad app federated-credential create --id "$app" --output none --parameters "{
        \"name\": \"relay365\",
        \"issuer\": \"${authority%/}/$tenant/v2.0\",
        \"subject\": \"$IDENTITY\",
        \"audiences\": [\"$audience\"]
    }"
fi

if [ "${EVERY_MAILBOX:-false}" = true ]; then
    permissions=Mail.Read
    if [ "${WRITE:-false}" = true ]; then permissions=Mail.ReadWrite; fi
    if [ "${SEND:-false}" = true ]; then permissions="$permissions Mail.Send"; fi
    for permission in $permissions; do
        role=$(az ad sp show --id "$graph" --query "appRoles[?value=='$permission'].id" --output tsv)
        az ad app permission add --id "$app" --api "$graph" --api-permissions "$role=Role"
    done
    # An administrator's consent; before it Entra ID must have heard of the lines above.
    sleep 15
    az ad app permission admin-consent --id "$app"
fi

echo "clientId:                    $app"
echo "tenant (authority):          $tenant"
echo "service principal (object):  $(az ad sp show --id "$app" --query id --output tsv)"
echo "Next, unless EVERY_MAILBOX: infra/entra/mailboxes.ps1. Then POST /v1/oauth2 with managedIdentity."
