// What `azd up` deploys: the resource group, and main.bicep in it.

targetScope = 'subscription'

@description('Name of the azd environment; the resource group is called after it.')
param environmentName string

param location string
param operatorPrincipalId string = ''

@secure()
param clientStateKeys string = ''

@secure()
param apiToken string = ''

@secure()
param sidecarKey string = ''

param deploySidecar bool = false
param sidecarImage string = ''
param alertEmails string[] = []

var tags = { 'azd-env-name': environmentName }
var name = 'relay${take(uniqueString(subscription().id, environmentName), 10)}'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module relay 'main.bicep' = {
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    operatorPrincipalId: operatorPrincipalId
    clientStateKeys: clientStateKeys
    apiToken: apiToken
    sidecarKey: sidecarKey
    deploySidecar: deploySidecar
    sidecarImage: sidecarImage
    alertEmails: alertEmails
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = relay.outputs.appName
output APP_URL string = relay.outputs.appUrl
output KEY_VAULT_NAME string = relay.outputs.vaultName
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = relay.outputs.registryServer
