// The first deployment, and the least that it needs. What is not set here has its default in main.bicep.
using 'main.bicep'

param name = readEnvironmentVariable('RELAY_NAME')
// Who may read and change secrets. `any` because Bicep does not know that the variable holds one of the allowed words.
param operatorPrincipalId = readEnvironmentVariable('OPERATOR_PRINCIPAL_ID', '')
param operatorType = any(readEnvironmentVariable('OPERATOR_TYPE', 'User'))

param storageReplication = any(readEnvironmentVariable('STORAGE_REPLICATION', 'ZRS'))

// Given once: infra/secrets.sh makes them. Empty ones leave what the vault holds.
param clientStateKeys = readEnvironmentVariable('CLIENT_STATE_KEYS', '')
param apiToken = readEnvironmentVariable('API_TOKEN', '')
param sidecarKey = readEnvironmentVariable('SIDECAR_KEY', '')

param deploySidecar = bool(readEnvironmentVariable('DEPLOY_SIDECAR', 'false'))
param sidecarImage = readEnvironmentVariable('SIDECAR_IMAGE', '')

param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '0'))
param budgetStart = readEnvironmentVariable('BUDGET_START', '')
param alertEmails = filter(split(readEnvironmentVariable('ALERT_EMAILS', ''), ','), email => !empty(email))
