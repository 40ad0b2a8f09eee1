# The name of the Container Apps environment, as the virtual network sees it.

resource "azurerm_private_dns_zone" "containers" {
  count = var.deploy_sidecar ? 1 : 0

  name                = azurerm_container_app_environment.relay[0].default_domain
  resource_group_name = local.group
  tags                = local.tags
}

resource "azurerm_private_dns_a_record" "containers" {
  count = var.deploy_sidecar ? 1 : 0

  name                = "*"
  private_dns_zone_id = azurerm_private_dns_zone.containers[0].id
  ttl                 = 300
  records             = [azurerm_container_app_environment.relay[0].static_ip_address]
}

resource "azurerm_private_dns_zone_virtual_network_link" "containers" {
  count = var.deploy_sidecar ? 1 : 0

  name                 = "vnet-${var.name}"
  private_dns_zone_id  = azurerm_private_dns_zone.containers[0].id
  virtual_network_id   = azurerm_virtual_network.relay[0].id
  registration_enabled = false
  tags                 = local.tags
}
