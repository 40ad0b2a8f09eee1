# The Key Vault: customers' secrets, and the product's own. Roles decide; what is deleted can be recovered.

resource "azurerm_key_vault" "relay" {
  name                       = "kv-${var.name}"
  resource_group_name        = local.group
  location                   = local.location
  tags                       = local.tags
  tenant_id                  = data.azurerm_client_config.current.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  soft_delete_retention_days = 90
  # It cannot be switched off again, by anybody.
  # https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
  purge_protection_enabled      = true
  public_network_access_enabled = !var.private_networking || length(var.allowed_ips) > 0

  network_acls {
    bypass         = "AzureServices"
    default_action = var.private_networking ? "Deny" : "Allow"
    ip_rules       = var.allowed_ips
  }
}

# Given ones, or random ones, that no state and no plan shows: Terraform forgets them once the vault has them.
# https://developer.hashicorp.com/terraform/language/manage-sensitive-data/write-only
ephemeral "random_password" "client_state_key" {
  length  = 48
  special = false
}

ephemeral "random_password" "api_token" {
  length  = 64
  special = false
}

ephemeral "random_password" "sidecar_key" {
  length  = 64
  special = false
}

locals {
  random_client_state_keys = "k${var.client_state_keys_version}:${base64encode(ephemeral.random_password.client_state_key.result)}"
}

resource "azurerm_key_vault_secret" "client_state_keys" {
  name             = "CLIENT-STATE-KEYS"
  key_vault_id     = azurerm_key_vault.relay.id
  value_wo         = var.client_state_keys != "" ? var.client_state_keys : local.random_client_state_keys
  value_wo_version = var.client_state_keys_version

  depends_on = [time_sleep.roles]
}

resource "azurerm_key_vault_secret" "api_token" {
  name             = "API-TOKEN"
  key_vault_id     = azurerm_key_vault.relay.id
  value_wo         = var.api_token != "" ? var.api_token : ephemeral.random_password.api_token.result
  value_wo_version = var.api_token_version

  depends_on = [time_sleep.roles]
}

resource "azurerm_key_vault_secret" "sidecar_key" {
  name             = "SIDECAR-KEY"
  key_vault_id     = azurerm_key_vault.relay.id
  value_wo         = var.sidecar_key != "" ? var.sidecar_key : ephemeral.random_password.sidecar_key.result
  value_wo_version = var.sidecar_key_version

  depends_on = [time_sleep.roles]
}

resource "azurerm_monitor_diagnostic_setting" "vault" {
  name                       = "audit"
  target_resource_id         = azurerm_key_vault.relay.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.relay.id

  enabled_log {
    category = "AuditEvent"
  }
}
