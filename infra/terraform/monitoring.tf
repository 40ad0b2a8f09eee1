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

# Of themselves the tables of Application Insights keep everything for 90 days, whatever the workspace says. They are there
# from the beginning, so they are only changed.
# https://learn.microsoft.com/azure/azure-monitor/logs/data-retention-configure#log-tables-with-90-day-default-retention
resource "azapi_resource_action" "tables" {
  for_each = toset(["AppDependencies", "AppExceptions", "AppMetrics", "AppPerformanceCounters", "AppRequests", "AppTraces"])

  type        = "Microsoft.OperationalInsights/workspaces/tables@2025-02-01"
  resource_id = "${azurerm_log_analytics_workspace.relay.id}/tables/${each.key}"
  method      = "PATCH"
  body = {
    properties = {
      retentionInDays      = var.log_retention_days
      totalRetentionInDays = var.log_retention_days
    }
  }
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
