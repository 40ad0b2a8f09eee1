// The Key Vault: customers' secrets, and the product's own. Roles decide; what is deleted can be recovered.

param name string
param location string
param tags object
param workspaceId string

@description('Whether the vault is reached through its private endpoint only, and from allowedIps.')
param private bool

@description('Addresses that may still come from outside, where the vault is private.')
param allowedIps string[]

@description('CLIENT_STATE_KEYS; empty leaves what the vault holds.')
@secure()
param clientStateKeys string

@description('API_TOKEN; empty leaves what the vault holds.')
@secure()
param apiToken string

@description('SIDECAR_KEY; empty leaves what the vault holds.')
@secure()
param sidecarKey string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: 'kv-${name}'
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // It cannot be switched off again, by anybody.
    // https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
    enablePurgeProtection: true
    publicNetworkAccess: private && empty(allowedIps) ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
      ipRules: [for ip in allowedIps: { value: ip }]
    }
  }
}

resource keys 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(clientStateKeys)) {
  parent: vault
  name: 'CLIENT-STATE-KEYS'
  properties: {
    value: clientStateKeys
  }
}

resource token 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(apiToken)) {
  parent: vault
  name: 'API-TOKEN'
  properties: {
    value: apiToken
  }
}

resource sidecarToken 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(sidecarKey)) {
  parent: vault
  name: 'SIDECAR-KEY'
  properties: {
    value: sidecarKey
  }
}

resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'AuditEvent', enabled: true }
    ]
  }
}

output id string = vault.id
output name string = vault.name
output url string = vault.properties.vaultUri
