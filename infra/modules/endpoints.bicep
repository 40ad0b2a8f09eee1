// Private endpoints of storage, vault and registry, each with the zone that makes its public name lead there.

param name string
param location string
param tags object
param networkId string
param subnetId string
param storageId string
param vaultId string

@description('The registry; empty where there is no sidecar.')
param registryId string

// https://learn.microsoft.com/azure/private-link/private-endpoint-dns
var targets = concat(
  [
    { part: 'blob', id: storageId, zone: 'privatelink.blob.${environment().suffixes.storage}' }
    { part: 'queue', id: storageId, zone: 'privatelink.queue.${environment().suffixes.storage}' }
    { part: 'table', id: storageId, zone: 'privatelink.table.${environment().suffixes.storage}' }
    {
      part: 'vault'
      id: vaultId
      zone: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
    }
  ],
  empty(registryId)
    ? []
    : [
        { part: 'registry', id: registryId, zone: 'privatelink${environment().suffixes.acrLoginServer}' }
      ]
)

resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for target in targets: {
    name: target.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (target, index) in targets: {
    parent: zones[index]
    name: 'vnet-${name}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
]

// One after the other: storage refuses a second one while it works on the first (StorageAccountOperationInProgress).
// Azure/bicep-registry-modules#6001
@batchSize(1)
resource endpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [
  for target in targets: {
    name: 'pe-${name}-${target.part}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      privateLinkServiceConnections: [
        {
          name: target.part
          properties: {
            privateLinkServiceId: target.id
            groupIds: [target.part]
          }
        }
      ]
    }
  }
]

resource groups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [
  for (target, index) in targets: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: target.part
          properties: {
            privateDnsZoneId: zones[index].id
          }
        }
      ]
    }
  }
]
