// The registry of the sidecar's image; a private endpoint needs its dearest size.

param name string
param location string
param tags object
param workspaceId string
param private bool

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: 'cr${name}'
  location: location
  tags: tags
  sku: {
    name: private ? 'Premium' : 'Basic'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    // `az acr build` runs on Microsoft's machines, which must get in.
    networkRuleBypassOptions: 'AzureServices'
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: registry
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'ContainerRegistryLoginEvents', enabled: true }
      { category: 'ContainerRegistryRepositoryEvents', enabled: true }
    ]
  }
}

output id string = registry.id
output name string = registry.name
output loginServer string = registry.properties.loginServer
