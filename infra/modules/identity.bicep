// Who the parts are: one identity for the function app, and one for the sidecar, which may do less.

param name string
param location string
param tags object
param deploySidecar bool

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${name}'
  location: location
  tags: tags
}

resource sidecar 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (deploySidecar) {
  name: 'id-${name}-sidecar'
  location: location
  tags: tags
}

output appId string = app.id
output appClientId string = app.properties.clientId
output appPrincipalId string = app.properties.principalId
output sidecarId string = deploySidecar ? sidecar.id : ''
output sidecarClientId string = deploySidecar ? sidecar!.properties.clientId : ''
output sidecarPrincipalId string = deploySidecar ? sidecar!.properties.principalId : ''
