// What each identity may do: every row of ../roles.json becomes one assignment, on one resource and not above it.

param storageName string
param vaultName string
param insightsName string

@description('The registry; empty where there is no sidecar.')
param registryName string

@description('Who gets the roles, by the names of the table: app, sidecar, operator. Empty ones get none.')
param principals object

@description('What kind of principal the operator is.')
param operatorType string

var roles = filter(loadJsonContent('../roles.json'), role => !empty(principals[role.who]))
var onStorage = filter(roles, role => role.scope == 'storage')
var onVault = filter(roles, role => role.scope == 'vault')
var onInsights = filter(roles, role => role.scope == 'insights')
var onRegistry = filter(roles, role => role.scope == 'registry' && !empty(registryName))

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: empty(registryName) ? 'none0' : registryName
}

// An assignment cannot be given to somebody else (RoleAssignmentUpdateNotPermitted), so its name follows from who has it:
// another operator, or an identity that was made anew, gets one of their own. The former operator's stays until it is removed.
// https://learn.microsoft.com/azure/azure-resource-manager/bicep/scenarios-rbac#role-assignments
resource storageRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in onStorage: {
    name: guid(storage.id, principals[role.who], role.id)
    scope: storage
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
      principalId: principals[role.who]
      principalType: role.who == 'operator' ? operatorType : 'ServicePrincipal'
      description: role.why
    }
  }
]

resource vaultRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in onVault: {
    name: guid(vault.id, principals[role.who], role.id)
    scope: vault
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
      principalId: principals[role.who]
      principalType: role.who == 'operator' ? operatorType : 'ServicePrincipal'
      description: role.why
    }
  }
]

resource insightsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in onInsights: {
    name: guid(insights.id, principals[role.who], role.id)
    scope: insights
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
      principalId: principals[role.who]
      principalType: role.who == 'operator' ? operatorType : 'ServicePrincipal'
      description: role.why
    }
  }
]

resource registryRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in onRegistry: {
    name: guid(registry.id, principals[role.who], role.id)
    scope: registry
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
      principalId: principals[role.who]
      principalType: role.who == 'operator' ? operatorType : 'ServicePrincipal'
      description: role.why
    }
  }
]
