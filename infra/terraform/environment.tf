# The Container Apps environment: inside the virtual network, without an address on the Internet.

resource "azurerm_container_app_environment" "relay" {
  count = var.deploy_sidecar ? 1 : 0

  name                           = "cae-${var.name}"
  resource_group_name            = local.group
  location                       = local.location
  tags                           = local.tags
  infrastructure_subnet_id       = azurerm_subnet.delegated["sidecar"].id
  internal_load_balancer_enabled = true
  # Through diagnostic settings, because the other way needs the workspace's shared key.
  logs_destination = "azure-monitor"

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }

  lifecycle {
    # Azure fills both in, and azurerm would make the environment anew for it at every run.
    # hashicorp/terraform-provider-azurerm#28727, #31840
    ignore_changes = [infrastructure_resource_group_name, workload_profile]
  }
}

resource "azurerm_monitor_diagnostic_setting" "containers" {
  count = var.deploy_sidecar ? 1 : 0

  name                       = "logs"
  target_resource_id         = azurerm_container_app_environment.relay[0].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.relay.id

  enabled_log {
    category = "ContainerAppConsoleLogs"
  }
  enabled_log {
    category = "ContainerAppSystemLogs"
  }
}
