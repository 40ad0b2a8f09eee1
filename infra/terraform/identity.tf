# Who the parts are: one identity for the function app, and one for the sidecar, which may do less.

resource "azurerm_user_assigned_identity" "app" {
  name                = "id-${var.name}"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
}

resource "azurerm_user_assigned_identity" "sidecar" {
  count = var.deploy_sidecar ? 1 : 0

  name                = "id-${var.name}-sidecar"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
}
