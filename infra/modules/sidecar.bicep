// The sidecar: a container for delegated access (IMAP and SMTP), which only the function app calls.

param name string
param location string
param tags object
param environmentId string
param identityId string
param identityClientId string
param registryServer string
param image string
param replicas int
param cpu string
param memory string
param queueEndpoint string
param tableEndpoint string
param vaultUrl string

@description('More settings, by the names of README.md.')
param settings object

// What is set here cannot be set otherwise, and nobody should believe that it was; and what is the app's stays there.
var refused = [
  'AzureWebJobsStorage__queueServiceUri'
  'AzureWebJobsStorage__tableServiceUri'
  'AzureWebJobsStorage__clientId'
  'KEY_VAULT_URL'
  'SIDECAR_KEY'
  'SIDECAR_PORT'
  'CLIENT_STATE_KEYS'
  'API_TOKEN'
]
var taken = filter(objectKeys(settings), setting => contains(refused, setting))

// Nobody resolves references for a container, so a setting that is one becomes a secret, which does the same.
// https://learn.microsoft.com/azure/container-apps/manage-secrets#reference-secret-from-key-vault
var reference = '@Microsoft.KeyVault(SecretUri='
var references = filter(items(settings), setting => startsWith(setting.value, reference))
var values = filter(items(settings), setting => !startsWith(setting.value, reference))

resource sidecar 'Microsoft.App/containerApps@2025-01-01' = {
  name: 'ca-${name}'
  location: location
  tags: union(tags, { 'azd-service-name': 'sidecar' })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      // "External" to an internal environment is the virtual network; without it only the environment's own apps get in.
      // https://learn.microsoft.com/azure/container-apps/ingress-overview
      ingress: {
        external: true
        targetPort: 8080
        transport: 'auto'
        allowInsecure: false
      }
      registries: [
        { server: registryServer, identity: identityId }
      ]
      secrets: concat(
        [
          { name: 'sidecar-key', keyVaultUrl: '${vaultUrl}secrets/SIDECAR-KEY', identity: identityId }
        ],
        map(references, setting => {
          name: toLower(replace(setting.key, '_', '-'))
          keyVaultUrl: replace(replace(setting.value, reference, ''), ')', '')
          identity: identityId
        })
      )
    }
    template: {
      containers: [
        {
          name: 'sidecar'
          image: image
          resources: {
            cpu: json(cpu)
            memory: memory
          }
          env: empty(taken)
            ? concat(
                [
                  { name: 'AzureWebJobsStorage__queueServiceUri', value: queueEndpoint }
                  { name: 'AzureWebJobsStorage__tableServiceUri', value: tableEndpoint }
                  { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
                  { name: 'KEY_VAULT_URL', value: vaultUrl }
                  { name: 'SIDECAR_KEY', secretRef: 'sidecar-key' }
                ],
                map(references, setting => {
                  name: setting.key
                  secretRef: toLower(replace(setting.key, '_', '-'))
                }),
                map(values, setting => {
                  name: setting.key
                  value: setting.value
                })
              )
            : fail('The sidecar does not take ${join(taken, ', ')}.')
          probes: [
            {
              type: 'Startup'
              httpGet: { path: '/alive', port: 8080 }
              // 100 seconds: 10 is the most that the documentation allows.
              // https://learn.microsoft.com/rest/api/containerapps/container-apps/create-or-update#containerappprobe
              periodSeconds: 10
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: { path: '/alive', port: 8080 }
              periodSeconds: 30
              failureThreshold: 5
            }
            {
              type: 'Readiness'
              httpGet: { path: '/health', port: 8080 }
              periodSeconds: 10
              failureThreshold: 3
            }
          ]
        }
      ]
      // Connections to mailboxes stay open, so replicas do not come and go by load.
      scale: {
        minReplicas: replicas
        maxReplicas: replicas
      }
    }
  }
}

output name string = sidecar.name
