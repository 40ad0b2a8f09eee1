// The registry of the sidecar's image; a private endpoint needs its dearest size.

param name string
param location string
param tags object
param workspaceId string

@description('Whether the registry is reached through its private endpoint only, and from allowedIps.')
param private bool

@description('Addresses that may still come from outside, where the registry is private.')
param allowedIps string[]

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
    publicNetworkAccess: private && empty(allowedIps) ? 'Disabled' : 'Enabled'
    // `az acr build` does not get into a private one: it runs elsewhere, and has no identity of its own.
    // https://learn.microsoft.com/azure/container-registry/manage-network-bypass-policy-for-tasks
    networkRuleBypassOptions: 'AzureServices'
    networkRuleSet: private
      ? {
          defaultAction: 'Deny'
          ipRules: map(allowedIps, ip => { value: ip, action: 'Allow' })
        }
      : null
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
