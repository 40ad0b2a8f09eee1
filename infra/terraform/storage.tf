# The storage account: queues, tables, and the container of the deployment package. Entra identities only.

resource "azurerm_storage_account" "relay" {
  name                             = "st${var.name}"
  resource_group_name              = local.group
  location                         = local.location
  tags                             = local.tags
  account_kind                     = "StorageV2"
  account_tier                     = "Standard"
  account_replication_type         = var.storage_replication
  access_tier                      = "Hot"
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  min_tls_version                  = "TLS1_2"
  https_traffic_only_enabled       = true
  public_network_access_enabled    = !var.private_networking || length(var.allowed_ips) > 0

  network_rules {
    default_action = var.private_networking ? "Deny" : "Allow"
    bypass         = ["AzureServices"]
    ip_rules       = var.allowed_ips
  }
}

resource "azurerm_storage_container" "packages" {
  name                  = local.storage.container
  storage_account_id    = azurerm_storage_account.relay.id
  container_access_type = "private"
}

resource "azurerm_storage_queue" "relay" {
  for_each = toset(local.storage.queues)

  name               = each.value
  storage_account_id = azurerm_storage_account.relay.id
}

resource "azurerm_storage_table" "relay" {
  for_each = toset(local.storage.tables)

  name               = each.value
  storage_account_id = azurerm_storage_account.relay.id
}

resource "azurerm_monitor_diagnostic_setting" "tables" {
  count = var.audit_tables ? 1 : 0

  name                       = "audit"
  target_resource_id         = "${azurerm_storage_account.relay.id}/tableServices/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.relay.id

  enabled_log {
    category = "StorageRead"
  }
  enabled_log {
    category = "StorageWrite"
  }
  enabled_log {
    category = "StorageDelete"
  }
}
