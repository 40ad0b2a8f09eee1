# The function app, on Flex Consumption: it costs nothing at rest but its always-ready instances.

locals {
  # FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION and their like are refused on Flex Consumption.
  # https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations
  fixed_settings = {
    AzureWebJobsStorage__credential           = "managedidentity"
    AzureWebJobsStorage__clientId             = azurerm_user_assigned_identity.app.client_id
    AzureWebJobsStorage__blobServiceUri       = azurerm_storage_account.relay.primary_blob_endpoint
    AzureWebJobsStorage__queueServiceUri      = azurerm_storage_account.relay.primary_queue_endpoint
    AzureWebJobsStorage__tableServiceUri      = azurerm_storage_account.relay.primary_table_endpoint
    AzureWebJobsDisableHomepage               = "true"
    APPLICATIONINSIGHTS_CONNECTION_STRING     = azurerm_application_insights.relay.connection_string
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=${azurerm_user_assigned_identity.app.client_id};Authorization=AAD"
    PYTHON_THREADPOOL_THREAD_COUNT            = tostring(max(32, var.http_concurrency))
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

# Through azapi: azurerm's own resource for Flex Consumption writes a key-based AzureWebJobsStorage beside the identity at
# every update (hashicorp/terraform-provider-azurerm#29149), and cannot say who resolves references to the vault (#28928).
resource "azapi_resource" "app" {
  type      = "Microsoft.Web/sites@2024-11-01"
  name      = "func-${var.name}"
  parent_id = data.azurerm_resource_group.relay.id
  location  = local.location
  tags      = merge(local.tags, { azd-service-name = "app" })
  # Azure tells some values in lower case, however they were given.
  ignore_casing = true

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app.id]
  }

  body = {
    kind = "functionapp,linux"
    properties = {
      serverFarmId              = azurerm_service_plan.relay.id
      httpsOnly                 = true
      clientAffinityEnabled     = false
      keyVaultReferenceIdentity = azurerm_user_assigned_identity.app.id
      virtualNetworkSubnetId    = local.networked ? azurerm_subnet.delegated["app"].id : null
      functionAppConfig = {
        deployment = {
          storage = {
            type  = "blobContainer"
            value = "${azurerm_storage_account.relay.primary_blob_endpoint}${azurerm_storage_container.packages.name}"
            authentication = {
              type                           = "UserAssignedIdentity"
              userAssignedIdentityResourceId = azurerm_user_assigned_identity.app.id
            }
          }
        }
        runtime = {
          name    = "python"
          version = var.python_version
        }
        scaleAndConcurrency = {
          instanceMemoryMB     = var.instance_memory_mb
          maximumInstanceCount = var.maximum_instances
          alwaysReady = [
            for group, count in { "http" = var.always_ready_http, "function:changes" = var.always_ready_changes } :
            { name = group, instanceCount = count } if count > 0
          ]
          triggers = {
            http = {
              perInstanceConcurrency = var.http_concurrency
            }
          }
        }
      }
      siteConfig = {
        minTlsVersion    = "1.2"
        scmMinTlsVersion = "1.2"
        ftpsState        = "Disabled"
        http20Enabled    = true
        appSettings = [
          for name, value in merge(var.settings, local.fixed_settings, local.sidecar_settings) :
          { name = name, value = value }
        ]
      }
    }
  }

  response_export_values = ["properties.defaultHostName"]

  # The app opens its package, its storage and its vault as soon as it exists.
  depends_on = [
    time_sleep.roles,
    azurerm_private_endpoint.relay,
    azurerm_private_dns_zone_virtual_network_link.relay,
  ]

  lifecycle {
    precondition {
      condition     = length(setintersection(keys(var.settings), keys(merge(local.fixed_settings, local.sidecar_settings)))) == 0
      error_message = "Some of var.settings are set by this template itself."
    }
  }
}

# Deployments sign in to Entra ID; publishing passwords are off.
# https://learn.microsoft.com/azure/app-service/configure-basic-auth-disable
resource "azapi_update_resource" "publishing" {
  for_each = toset(["ftp", "scm"])

  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01"
  name      = each.key
  parent_id = azapi_resource.app.id
  body = {
    properties = {
      allow = false
    }
  }
}
