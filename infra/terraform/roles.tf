# What each identity may do: every row of ../roles.json becomes one assignment, on one resource and not above it.

locals {
  principals = {
    app      = azurerm_user_assigned_identity.app.principal_id
    sidecar  = one(azurerm_user_assigned_identity.sidecar[*].principal_id)
    operator = coalesce(var.operator_principal_id, data.azurerm_client_config.current.object_id)
  }

  scopes = {
    storage  = azurerm_storage_account.relay.id
    vault    = azurerm_key_vault.relay.id
    insights = azurerm_application_insights.relay.id
    registry = one(azurerm_container_registry.relay[*].id)
  }
}

resource "azurerm_role_assignment" "relay" {
  for_each = {
    for role in local.roles : "${role.who}: ${role.role}" => role
    if var.deploy_sidecar || role.who != "sidecar"
  }

  scope              = local.scopes[each.value.scope]
  role_definition_id = "/subscriptions/${data.azurerm_client_config.current.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/${each.value.id}"
  principal_id       = local.principals[each.value.who]
  principal_type     = each.value.who == "operator" ? var.operator_type : "ServicePrincipal"
  description        = each.value.why
}

# A role takes a while until every vault and account knows it, and what asks too early is refused.
# https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
resource "time_sleep" "roles" {
  create_duration = "120s"
  triggers        = { for name, assignment in azurerm_role_assignment.relay : name => assignment.id }
}
