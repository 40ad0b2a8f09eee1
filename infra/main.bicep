// Relay365 in one resource group. Each part is a module; README.md beside this file says what it makes and costs.

targetScope = 'resourceGroup'

@description('The name of this deployment, yours alone in all of Azure: every resource is called after it.')
@minLength(3)
@maxLength(17)
param name string

param location string = resourceGroup().location

@description('Tags of every resource.')
param tags object = {}

// The function app

@allowed(['3.11', '3.12'])
param pythonVersion string = '3.12'

@description('Memory of an instance; 512 has a quarter of a processor, 2048 a whole one.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('The most instances of each group of functions.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 100

@description('HTTP requests that an instance works on at the same time; it has a thread for each.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('Instances that always wait for HTTP: Graph gives a handshake 10 seconds and drops who answers slowly.')
@minValue(0)
param alwaysReadyHttp int = 1

@description('Instances that always wait for changes: without one, the first mail after a rest waits for a cold start.')
@minValue(0)
param alwaysReadyChanges int = 0

@description('More settings of the app, by the names of the table in README.md.')
param settings object = {}

// Secrets. An empty one leaves what the vault holds, so they are given once.

@secure()
param clientStateKeys string = ''

@secure()
param apiToken string = ''

@secure()
param sidecarKey string = ''

@description('Object id of the person or group that may read and change secrets; empty for nobody.')
param operatorPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorType string = 'User'

// Storage

@description('How many copies of the data are kept, and where; not every region has zones.')
@allowed(['LRS', 'ZRS', 'GRS', 'GZRS'])
param storageReplication string = 'ZRS'

@description('Whether every table request is logged.')
param auditTables bool = false

// The sidecar, for delegated access

param deploySidecar bool = false

@description('The sidecar\'s image. Without one all else is made, so that there is a registry to push it to.')
param sidecarImage string = ''

@minValue(1)
param sidecarReplicas int = 1

param sidecarCpu string = '0.5'
param sidecarMemory string = '1Gi'

@description('More settings of the sidecar, by the same names: it knows nothing of those of the app.')
param sidecarSettings object = {}

// The network

@description('Whether storage, vault and registry are reached through private endpoints only.')
param privateNetworking bool = false

@description('Addresses that may still reach storage, vault and registry from outside, where networking is private.')
param allowedIps string[] = []

@description('Whether what goes out through the network has one fixed address.')
param natGateway bool = false

// Watching

@description('How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('The most that a day of logs may bring, in GB; -1 sets no limit. A reached limit silences the alerts too.')
param logDailyCapGb int = -1

@description('The share of telemetry that is kept. Below 100 also lines are dropped that alerts stand on: keep 100.')
@minValue(1)
@maxValue(100)
param samplingPercentage int = 100

@description('Who is told by alerts and by the budget.')
param alertEmails string[] = []

@description('What a month may cost before the budget tells; 0 makes no budget.')
@minValue(0)
param monthlyBudget int = 0

@description('The first day of the month in which the budget begins, as YYYY-MM-01: at first this month, and ever after the same.')
param budgetStart string = ''

var allTags = union({ product: 'relay365' }, tags)
var networked = deploySidecar || privateNetworking
var sidecarRuns = deploySidecar && !empty(sidecarImage)

module monitoring 'modules/monitoring.bicep' = {
  params: {
    name: name
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
    samplingPercentage: samplingPercentage
  }
}

module identity 'modules/identity.bicep' = {
  params: {
    name: name
    location: location
    tags: allTags
    deploySidecar: deploySidecar
  }
}

module storage 'modules/storage.bicep' = {
  params: {
    name: name
    location: location
    tags: allTags
    replication: storageReplication
    private: privateNetworking
    allowedIps: allowedIps
    auditWorkspaceId: auditTables ? monitoring.outputs.workspaceId : ''
  }
}

module vault 'modules/vault.bicep' = {
  params: {
    name: name
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    private: privateNetworking
    allowedIps: allowedIps
    clientStateKeys: clientStateKeys
    apiToken: apiToken
    sidecarKey: sidecarKey
  }
}

module registry 'modules/registry.bicep' = if (deploySidecar) {
  params: {
    name: name
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    private: privateNetworking
    allowedIps: allowedIps
  }
}

module roles 'modules/roles.bicep' = {
  params: {
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
    registryName: deploySidecar ? registry!.outputs.name : ''
    principals: {
      app: identity.outputs.appPrincipalId
      sidecar: identity.outputs.sidecarPrincipalId
      operator: operatorPrincipalId
    }
    operatorType: operatorType
  }
}

module network 'modules/network.bicep' = if (networked) {
  params: {
    name: name
    location: location
    tags: allTags
    natGateway: natGateway
  }
}

module endpoints 'modules/endpoints.bicep' = if (privateNetworking) {
  params: {
    name: name
    location: location
    tags: allTags
    networkId: network!.outputs.id
    subnetId: network!.outputs.endpointSubnetId
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
    registryId: deploySidecar ? registry!.outputs.id : ''
  }
}

module containers 'modules/environment.bicep' = if (deploySidecar) {
  params: {
    name: name
    location: location
    tags: allTags
    subnetId: network!.outputs.sidecarSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module domain 'modules/domain.bicep' = if (deploySidecar) {
  params: {
    name: name
    tags: allTags
    domain: containers!.outputs.domain
    address: containers!.outputs.address
    networkId: network!.outputs.id
  }
}

module sidecar 'modules/sidecar.bicep' = if (sidecarRuns) {
  params: {
    name: name
    location: location
    tags: allTags
    environmentId: containers!.outputs.id
    identityId: identity.outputs.sidecarId
    identityClientId: identity.outputs.sidecarClientId
    registryServer: registry!.outputs.loginServer
    image: sidecarImage
    replicas: sidecarReplicas
    cpu: sidecarCpu
    memory: sidecarMemory
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    vaultUrl: vault.outputs.url
    settings: sidecarSettings
  }
  // Its first replica pulls the image and reads its secret.
  dependsOn: [
    roles
    endpoints
  ]
}

module app 'modules/function_app.bicep' = {
  params: {
    name: name
    location: location
    tags: allTags
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstances: maximumInstances
    httpConcurrency: httpConcurrency
    alwaysReadyHttp: alwaysReadyHttp
    alwaysReadyChanges: alwaysReadyChanges
    identityId: identity.outputs.appId
    identityClientId: identity.outputs.appClientId
    packageUrl: storage.outputs.packageUrl
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    vaultUrl: vault.outputs.url
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    sidecarUrl: sidecarRuns ? 'https://ca-${name}.${containers!.outputs.domain}' : ''
    subnetId: networked ? network!.outputs.appSubnetId : ''
    settings: settings
  }
  // The app opens its package, its storage and its vault as soon as it exists.
  dependsOn: [
    roles
    endpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  params: {
    name: name
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  params: {
    name: name
    amount: monthlyBudget
    start: budgetStart
    emails: alertEmails
  }
}

output appName string = app.outputs.name
output appUrl string = app.outputs.url
output vaultName string = vault.outputs.name
output identityClientId string = identity.outputs.appClientId
output identityPrincipalId string = identity.outputs.appPrincipalId
output registryServer string = deploySidecar ? registry!.outputs.loginServer : ''
