// The virtual network: a subnet for each part. The sidecar is reached through it, and so are private endpoints.

param name string
param location string
param tags object

@description('Whether outgoing traffic has one fixed address.')
param natGateway bool

// https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#enable-virtual-network-integration
var delegated = [
  { name: 'app', prefix: '10.36.0.0/24' }
  { name: 'sidecar', prefix: '10.36.1.0/24' }
]

resource address 'Microsoft.Network/publicIPAddresses@2024-07-01' = if (natGateway) {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
  }
}

resource gateway 'Microsoft.Network/natGateways@2024-07-01' = if (natGateway) {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    idleTimeoutInMinutes: 4
    publicIpAddresses: [
      { id: address.id }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: ['10.36.0.0/16']
    }
    // One resource, because subnets that are resources of their own are made at the same time and collide.
    subnets: concat(
      map(delegated, part => {
        name: part.name
        properties: {
          addressPrefix: part.prefix
          natGateway: natGateway ? { id: gateway.id } : null
          delegations: [
            {
              name: 'environments'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }),
      [
        {
          name: 'endpoints'
          properties: {
            addressPrefix: '10.36.2.0/24'
          }
        }
      ]
    )
  }
}

output id string = network.id
output appSubnetId string = '${network.id}/subnets/app'
output sidecarSubnetId string = '${network.id}/subnets/sidecar'
output endpointSubnetId string = '${network.id}/subnets/endpoints'
