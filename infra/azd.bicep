// What `azd up` deploys: the resource group, and main.bicep in it.

targetScope = 'subscription'

@description('Name of the azd environment; the resource group is called after it.')
param environmentName string

param location string
param operatorPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string = 'User'

@allowed(['LRS', 'ZRS', 'GRS', 'GZRS'])
param storageReplication string = 'ZRS'

@secure()
param clientStateKeys string = ''

@secure()
param apiToken string = ''

@secure()
param sidecarKey string = ''

param deploySidecar bool = false
param sidecarImage string = ''
param monthlyBudget int = 0
param budgetStart string = ''
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
    operatorType: operatorType
    storageReplication: storageReplication
    clientStateKeys: clientStateKeys
    apiToken: apiToken
    sidecarKey: sidecarKey
    deploySidecar: deploySidecar
    sidecarImage: sidecarImage
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
    alertEmails: alertEmails
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output APP_NAME string = relay.outputs.appName
output APP_URL string = relay.outputs.appUrl
output KEY_VAULT_NAME string = relay.outputs.vaultName
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = relay.outputs.registryServer
