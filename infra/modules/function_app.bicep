// The function app, on Flex Consumption: it costs nothing at rest but its always-ready instances.

param name string
param location string
param tags object
param pythonVersion string
param instanceMemoryMB int
param maximumInstances int
param httpConcurrency int

@description('Instances that always wait for HTTP: Graph gives a handshake 10 seconds and drops who answers slowly.')
param alwaysReadyHttp int

@description('Instances that always wait for changes: without one, the first mail after a rest waits for a cold start.')
param alwaysReadyChanges int

param identityId string
param identityClientId string
param packageUrl string
param blobEndpoint string
param queueEndpoint string
param tableEndpoint string
param vaultUrl string
param insightsConnectionString string

@description('Address of the sidecar; empty where there is none.')
param sidecarUrl string

@description('The subnet that the app goes out through; empty where there is no network.')
param subnetId string

@description('More settings, by the names of README.md.')
param settings object

// FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION and their like are refused on Flex Consumption.
// https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
var fixedSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__queueServiceUri: queueEndpoint
  AzureWebJobsStorage__tableServiceUri: tableEndpoint
  AzureWebJobsDisableHomepage: 'true'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_THREADPOOL_THREAD_COUNT: string(max(32, httpConcurrency))
  KEY_VAULT_URL: vaultUrl
  CLIENT_STATE_KEYS: '@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/CLIENT-STATE-KEYS)'
  API_TOKEN: '@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/API-TOKEN)'
}

var sidecarSettings = empty(sidecarUrl)
  ? {}
  : {
      SIDECAR_URL: sidecarUrl
      SIDECAR_KEY: '@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/SIDECAR-KEY)'
    }

// What is set here cannot be set otherwise, and nobody should believe that it was.
var taken = filter(objectKeys(settings), setting => contains(union(fixedSettings, sidecarSettings), setting))

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: 'func-${name}'
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: filter(
          [
            { name: 'http', instanceCount: alwaysReadyHttp }
            { name: 'function:changes', instanceCount: alwaysReadyChanges }
          ],
          group => group.instanceCount > 0
        )
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
  }

  resource values 'config' = {
    name: 'appsettings'
    properties: empty(taken)
      ? union(settings, fixedSettings, sidecarSettings)
      : fail('The template itself sets ${join(taken, ', ')}.')
  }

  // Deployments sign in to Entra ID; publishing passwords are off. Azure asks for a location that its own types do not know
  // (Azure/bicep-types-az#1527), and takes changes of a site one after the other.
  // https://learn.microsoft.com/azure/app-service/configure-basic-auth-disable
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    #disable-next-line BCP187
    location: location
    properties: {
      allow: false
    }
    dependsOn: [
      values
    ]
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    #disable-next-line BCP187
    location: location
    properties: {
      allow: false
    }
    dependsOn: [
      ftp
    ]
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
