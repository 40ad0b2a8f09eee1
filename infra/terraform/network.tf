# The virtual network: a subnet for each part. The sidecar is reached through it, and so are private endpoints.

locals {
  # https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to#enable-virtual-network-integration
  delegated = local.networked ? { app = "10.36.0.0/24", sidecar = "10.36.1.0/24" } : {}
}

resource "azurerm_public_ip" "relay" {
  count = local.networked && var.nat_gateway ? 1 : 0

  name                = "pip-${var.name}"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
  sku                 = "Standard"
  allocation_method   = "Static"
}

resource "azurerm_nat_gateway" "relay" {
  count = local.networked && var.nat_gateway ? 1 : 0

  name                    = "ng-${var.name}"
  resource_group_name     = local.group
  location                = local.location
  tags                    = local.tags
  sku_name                = "Standard"
  idle_timeout_in_minutes = 4
}

resource "azurerm_nat_gateway_public_ip_association" "relay" {
  count = local.networked && var.nat_gateway ? 1 : 0

  nat_gateway_id       = azurerm_nat_gateway.relay[0].id
  public_ip_address_id = azurerm_public_ip.relay[0].id
}

resource "azurerm_virtual_network" "relay" {
  count = local.networked ? 1 : 0

  name                = "vnet-${var.name}"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
  address_space       = ["10.36.0.0/16"]
}

resource "azurerm_subnet" "delegated" {
  for_each = local.delegated

  name                 = each.key
  resource_group_name  = local.group
  virtual_network_name = azurerm_virtual_network.relay[0].name
  address_prefixes     = [each.value]

  delegation {
    name = "environments"

    service_delegation {
      name = "Microsoft.App/environments"
    }
  }
}

resource "azurerm_subnet_nat_gateway_association" "relay" {
  for_each = var.nat_gateway ? local.delegated : {}

  subnet_id      = azurerm_subnet.delegated[each.key].id
  nat_gateway_id = azurerm_nat_gateway.relay[0].id
}

resource "azurerm_subnet" "endpoints" {
  count = local.networked ? 1 : 0

  name                 = "endpoints"
  resource_group_name  = local.group
  virtual_network_name = azurerm_virtual_network.relay[0].name
  address_prefixes     = ["10.36.2.0/24"]
}
