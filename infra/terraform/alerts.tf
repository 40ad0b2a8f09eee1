# Alerts: every row of ../alerts.json is a query over what the product logs.

resource "azurerm_monitor_action_group" "relay" {
  count = length(var.alert_emails) > 0 ? 1 : 0

  name                = "ag-${var.name}"
  resource_group_name = local.group
  location            = "global"
  tags                = local.tags
  short_name          = substr(var.name, 0, 12)

  dynamic "email_receiver" {
    for_each = var.alert_emails

    content {
      name                    = "email-${email_receiver.key}"
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "relay" {
  for_each = { for alert in local.alerts : alert.name => alert }

  name                    = "alert-${var.name}-${each.key}"
  display_name            = "alert-${var.name}-${each.key}"
  resource_group_name     = local.group
  location                = local.location
  tags                    = local.tags
  description             = "${each.value.description} Runbook: ${each.value.runbook}"
  severity                = each.value.severity
  scopes                  = [azurerm_log_analytics_workspace.relay.id]
  evaluation_frequency    = each.value.every
  window_duration         = each.value.window
  auto_mitigation_enabled = true
  # A table appears with its first row, and an alert should exist before.
  skip_query_validation = true

  criteria {
    query                   = each.value.query
    time_aggregation_method = each.value.measure
    metric_measure_column   = each.value.column
    operator                = each.value.operator
    threshold               = each.value.threshold

    failing_periods {
      number_of_evaluation_periods             = 1
      minimum_failing_periods_to_trigger_alert = 1
    }
  }

  action {
    action_groups = azurerm_monitor_action_group.relay[*].id
  }
}
