#!/bin/sh
# Delegated access: registers an Entra application that users sign in to, for IMAP and SMTP in their name.
#
#   SERVICE_URL=https://func-NAME.azurewebsites.net infra/entra/delegated.sh
#
# AUDIENCE: AzureADMyOrg (default), AzureADMultipleOrgs, or AzureADandPersonalMicrosoftAccount.
# Prints the secret once, for POST /v1/oauth2, together with its end, which belongs into clientSecretExpires.
# Needs: az, signed in as an Application Administrator. Not tried on a real tenant yet.
set -eu
: "${SERVICE_URL:?Set SERVICE_URL to the address of the service.}"
name=${NAME:-Relay365 sign-in}
exchange=00000002-0000-0ff1-ce00-000000000000
graph=00000003-0000-0000-c000-000000000000

app=$(az ad app create --display-name "$name" \
    --sign-in-audience "${AUDIENCE:-AzureADMyOrg}" \
    --web-redirect-uris "${SERVICE_URL%/}/oauth" \
    --query appId --output tsv)
az ad sp show --id "$app" --output none 2>/dev/null || az ad sp create --id "$app" --output none

# https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
permit() {
    scope=$(az ad sp show --id "$1" --query "oauth2PermissionScopes[?value=='$2'].id" --output tsv)
    if [ -z "$scope" ]; then
        echo "The tenant knows no scope $2; add it in the portal." >&2
        exit 1
    fi
    az ad app permission add --id "$app" --api "$1" --api-permissions "$scope=Scope"
}
permit "$exchange" IMAP.AccessAsUser.All
permit "$exchange" SMTP.Send
for scope in openid profile email offline_access; do
    permit "$graph" "$scope"
done

end=$(python3 -c 'from datetime import date, timedelta; print(date.today() + timedelta(days=365))')
secret=$(az ad app credential reset --id "$app" --append --display-name relay365 --end-date "$end" --query password --output tsv)
echo "clientId:             $app"
echo "clientSecret:         $secret"
echo "clientSecretExpires:  $end"
echo "SMTP must be allowed for each mailbox: Set-CASMailbox help@contoso.com -SmtpClientAuthenticationDisabled \$false"
