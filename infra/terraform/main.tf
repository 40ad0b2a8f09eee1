# Relay365 in one resource group: the same resources under the same names as ../main.bicep.

data "azurerm_client_config" "current" {}

data "azurerm_resource_group" "relay" {
  name = var.resource_group
}

locals {
  group    = data.azurerm_resource_group.relay.name
  location = coalesce(var.location, data.azurerm_resource_group.relay.location)
  tags     = merge({ product = "relay365" }, var.tags)

  storage = jsondecode(file("${path.module}/../storage.json"))
  roles   = jsondecode(file("${path.module}/../roles.json"))
  alerts  = jsondecode(file("${path.module}/../alerts.json"))

  networked    = var.deploy_sidecar || var.private_networking
  sidecar_runs = var.deploy_sidecar && var.sidecar_image != ""
}
