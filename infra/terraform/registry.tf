# The registry of the sidecar's image; a private endpoint needs its dearest size.

resource "azurerm_container_registry" "relay" {
  count = var.deploy_sidecar ? 1 : 0

  name                          = "cr${var.name}"
  resource_group_name           = local.group
  location                      = local.location
  tags                          = local.tags
  sku                           = var.private_networking ? "Premium" : "Basic"
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  public_network_access_enabled = !var.private_networking || length(var.allowed_ips) > 0
  # `az acr build` does not get into a private one: it runs elsewhere, and has no identity of its own.
  # https://learn.microsoft.com/azure/container-registry/manage-network-bypass-policy-for-tasks
  network_rule_bypass_option = "AzureServices"

  dynamic "network_rule_set" {
    for_each = var.private_networking ? [var.allowed_ips] : []

    content {
      default_action = "Deny"

      dynamic "ip_rule" {
        for_each = network_rule_set.value

        content {
          action   = "Allow"
          ip_range = ip_rule.value
        }
      }
    }
  }
}

resource "azurerm_monitor_diagnostic_setting" "registry" {
  count = var.deploy_sidecar ? 1 : 0

  name                       = "audit"
  target_resource_id         = azurerm_container_registry.relay[0].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.relay.id

  enabled_log {
    category = "ContainerRegistryLoginEvents"
  }
  enabled_log {
    category = "ContainerRegistryRepositoryEvents"
  }
}
