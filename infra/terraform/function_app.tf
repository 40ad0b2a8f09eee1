# The function app, on Flex Consumption: it costs nothing at rest but its always-ready instances.

locals {
  # FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION and their like are refused on Flex Consumption.
  # https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
  fixed_settings = {
    # The provider adds a key-based connection of its own where this is not set to nothing.
    AzureWebJobsStorage                       = ""
    AzureWebJobsStorage__credential           = "managedidentity"
    AzureWebJobsStorage__clientId             = azurerm_user_assigned_identity.app.client_id
    AzureWebJobsStorage__blobServiceUri       = azurerm_storage_account.relay.primary_blob_endpoint
    AzureWebJobsStorage__queueServiceUri      = azurerm_storage_account.relay.primary_queue_endpoint
    AzureWebJobsStorage__tableServiceUri      = azurerm_storage_account.relay.primary_table_endpoint
    AzureWebJobsDisableHomepage               = "true"
    APPLICATIONINSIGHTS_CONNECTION_STRING     = azurerm_application_insights.relay.connection_string
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.app.client_id};Authorization=AAD"
    PYTHON_THREADPOOL_THREAD_COUNT            = "32"
    KEY_VAULT_URL                             = azurerm_key_vault.relay.vault_uri
    CLIENT_STATE_KEYS                         = "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault_secret.client_state_keys.versionless_id})"
    API_TOKEN                                 = "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault_secret.api_token.versionless_id})"
  }

  sidecar_settings = local.sidecar_runs ? {
    SIDECAR_URL = "https://ca-${var.name}.${azurerm_container_app_environment.relay[0].default_domain}"
    SIDECAR_KEY = "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault_secret.sidecar_key.versionless_id})"
  } : {}
}

resource "azurerm_service_plan" "relay" {
  name                = "plan-${var.name}"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
  os_type             = "Linux"
  sku_name            = "FC1"
}

resource "azurerm_function_app_flex_consumption" "relay" {
  name                = "func-${var.name}"
  resource_group_name = local.group
  location            = local.location
  tags                = merge(local.tags, { azd-service-name = "app" })
  service_plan_id     = azurerm_service_plan.relay.id

  https_only                                     = true
  webdeploy_publish_basic_authentication_enabled = false
  virtual_network_subnet_id                      = local.networked ? azurerm_subnet.delegated["app"].id : null

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = "${azurerm_storage_account.relay.primary_blob_endpoint}${azurerm_storage_container.packages.name}"
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = azurerm_user_assigned_identity.app.id

  runtime_name           = "python"
  runtime_version        = var.python_version
  instance_memory_in_mb  = var.instance_memory_mb
  maximum_instance_count = var.maximum_instances
  http_concurrency       = var.http_concurrency

  app_settings = merge(var.settings, local.fixed_settings, local.sidecar_settings)

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app.id]
  }

  dynamic "always_ready" {
    for_each = var.always_ready_http == 0 ? [] : [var.always_ready_http]

    content {
      name           = "http"
      instance_count = always_ready.value
    }
  }

  site_config {
    minimum_tls_version     = "1.2"
    scm_minimum_tls_version = "1.2"
    http2_enabled           = true
  }

  # The app opens its package, its storage and its vault as soon as it exists.
  depends_on = [azurerm_role_assignment.relay, azurerm_private_endpoint.relay]
}

# azurerm cannot say yet which identity resolves the references to the vault.
# https://learn.microsoft.com/azure/app-service/app-service-key-vault-references#access-vaults-with-a-user-assigned-identity
resource "azapi_resource_action" "references" {
  type        = "Microsoft.Web/sites@2024-11-01"
  resource_id = azurerm_function_app_flex_consumption.relay.id
  method      = "PATCH"
  body        = { properties = { keyVaultReferenceIdentity = azurerm_user_assigned_identity.app.id } }
}
