# Private endpoints of storage, vault and registry, each with the zone that makes its public name lead there.

locals {
  # The cloud's suffixes follow from the addresses that Azure gave.
  # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
  endpoints = var.private_networking ? merge(
    {
      for part, host in {
        blob  = azurerm_storage_account.relay.primary_blob_host
        queue = azurerm_storage_account.relay.primary_queue_host
        table = azurerm_storage_account.relay.primary_table_host
      } : part => { id = azurerm_storage_account.relay.id, zone = "privatelink.${replace(host, "/^[^.]+[.]/", "")}" }
    },
    {
      vault = {
        id   = azurerm_key_vault.relay.id
        zone = "privatelink.${replace(replace(azurerm_key_vault.relay.vault_uri, "/^https://[^.]+[.]vault[.]/", "vaultcore."), "/", "")}"
      }
    },
    var.deploy_sidecar ? {
      registry = {
        id   = azurerm_container_registry.relay[0].id
        zone = "privatelink.${replace(azurerm_container_registry.relay[0].login_server, "/^[^.]+[.]/", "")}"
      }
    } : {}
  ) : {}
}

resource "azurerm_private_dns_zone" "relay" {
  for_each = local.endpoints

  name                = each.value.zone
  resource_group_name = local.group
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "relay" {
  for_each = local.endpoints

  name                 = "vnet-${var.name}"
  private_dns_zone_id  = azurerm_private_dns_zone.relay[each.key].id
  virtual_network_id   = azurerm_virtual_network.relay[0].id
  registration_enabled = false
  tags                 = local.tags
}

# Terraform makes them at the same time, and storage may refuse one while it works on another
# (StorageAccountOperationInProgress): apply again then, or with -parallelism=1.
resource "azurerm_private_endpoint" "relay" {
  for_each = local.endpoints

  name                = "pe-${var.name}-${each.key}"
  resource_group_name = local.group
  location            = local.location
  tags                = local.tags
  subnet_id           = azurerm_subnet.endpoints[0].id

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.id
    subresource_names              = [each.key]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.relay[each.key].id]
  }
}
