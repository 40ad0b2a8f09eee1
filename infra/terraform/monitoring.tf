# Where logs and telemetry go: one workspace, and Application Insights on it.

resource "azurerm_log_analytics_workspace" "relay" {
  name                         = "log-${var.name}"
  resource_group_name          = local.group
  location                     = local.location
  tags                         = local.tags
  sku                          = "PerGB2018"
  retention_in_days            = var.log_retention_days
  daily_quota_gb               = var.log_daily_cap_gb
  local_authentication_enabled = false
}

resource "azurerm_application_insights" "relay" {
  name                = "appi-${var.name}"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
  application_type    = "web"
  workspace_id        = azurerm_log_analytics_workspace.relay.id
  sampling_percentage = var.sampling_percentage

  # Only Entra identities may write.
  # https://learn.microsoft.com/azure/azure-monitor/app/azure-ad-authentication
  local_authentication_enabled = false
}
