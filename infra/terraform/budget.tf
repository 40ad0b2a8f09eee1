# A budget of the resource group: it tells at 80 % and when the month is forecast to exceed it. It stops nothing.

resource "azurerm_consumption_budget_resource_group" "relay" {
  count = var.monthly_budget > 0 ? 1 : 0

  name              = "budget-${var.name}"
  resource_group_id = data.azurerm_resource_group.relay.id
  amount            = var.monthly_budget
  time_grain        = "Monthly"

  time_period {
    start_date = "${coalesce(var.budget_start, formatdate("YYYY-MM-01", plantimestamp()))}T00:00:00Z"
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 80
    threshold_type = "Actual"
    contact_emails = var.alert_emails
    contact_roles  = ["Owner"]
  }

  notification {
    operator       = "GreaterThan"
    threshold      = 100
    threshold_type = "Forecasted"
    contact_emails = var.alert_emails
    contact_roles  = ["Owner"]
  }

  lifecycle {
    # The beginning cannot be changed later.
    ignore_changes = [time_period]
  }
}
