// Where logs and telemetry go: one workspace, and Application Insights on it.

param name string
param location string
param tags object

@description('How long logs are kept, in days.')
param retentionDays int

@description('The most that a day may bring, in GB; -1 sets no limit. A reached limit silences the alerts too.')
param dailyCapGb int

@description('The share of telemetry that is kept, in percent, of all sorts: host.json leaves out what alerts need, this not.')
param samplingPercentage int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: 'log-${name}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyCapGb
    }
    features: {
      disableLocalAuth: true
    }
  }
}

// Of themselves the tables of Application Insights keep everything for 90 days, whatever the workspace says.
// https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure#log-tables-with-90-day-default-retention
var telemetry = ['AppDependencies', 'AppExceptions', 'AppMetrics', 'AppPerformanceCounters', 'AppRequests', 'AppTraces']

@batchSize(1)
resource tables 'Microsoft.OperationalInsights/workspaces/tables@2025-02-01' = [
  for table in telemetry: {
    parent: workspace
    name: table
    properties: {
      retentionInDays: retentionDays
      totalRetentionInDays: retentionDays
    }
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    // Only Entra identities may write.
    // https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
    DisableLocalAuth: true
    SamplingPercentage: samplingPercentage
  }
}

output workspaceId string = workspace.id
output insightsName string = insights.name
output insightsConnectionString string = insights.properties.ConnectionString
