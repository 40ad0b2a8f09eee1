// azd hands its environment over by name.
using 'azd.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param operatorPrincipalId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
// `any` because Bicep does not know that a variable holds one of the allowed words.
param operatorType = any(readEnvironmentVariable('AZURE_PRINCIPAL_TYPE', 'User'))
param storageReplication = any(readEnvironmentVariable('STORAGE_REPLICATION', 'ZRS'))
param clientStateKeys = readEnvironmentVariable('CLIENT_STATE_KEYS', '')
param apiToken = readEnvironmentVariable('API_TOKEN', '')
param sidecarKey = readEnvironmentVariable('SIDECAR_KEY', '')
param deploySidecar = bool(readEnvironmentVariable('DEPLOY_SIDECAR', 'false'))
param sidecarImage = readEnvironmentVariable('SIDECAR_IMAGE', '')
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '0'))
param budgetStart = readEnvironmentVariable('BUDGET_START', '')
param alertEmails = filter(split(readEnvironmentVariable('ALERT_EMAILS', ''), ','), email => !empty(email))
