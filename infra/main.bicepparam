// The first deployment, and the least that it needs. What is not set here has its default in main.bicep.
using 'main.bicep'

param name = readEnvironmentVariable('RELAY_NAME')
param operatorPrincipalId = readEnvironmentVariable('OPERATOR_PRINCIPAL_ID', '')

// Given once: infra/secrets.sh makes them. Empty ones leave what the vault holds.
param clientStateKeys = readEnvironmentVariable('CLIENT_STATE_KEYS', '')
param apiToken = readEnvironmentVariable('API_TOKEN', '')
param sidecarKey = readEnvironmentVariable('SIDECAR_KEY', '')

param deploySidecar = bool(readEnvironmentVariable('DEPLOY_SIDECAR', 'false'))
param sidecarImage = readEnvironmentVariable('SIDECAR_IMAGE', '')

param alertEmails = filter(split(readEnvironmentVariable('ALERT_EMAILS', ''), ','), email => !empty(email))
