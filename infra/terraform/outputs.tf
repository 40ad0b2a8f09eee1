output "app_name" {
  value = azapi_resource.app.name
}

output "app_url" {
  value = "https://${azapi_resource.app.output.properties.defaultHostName}"
}

output "vault_name" {
  value = azurerm_key_vault.relay.name
}

output "identity_client_id" {
  value = azurerm_user_assigned_identity.app.client_id
}

output "identity_principal_id" {
  value = azurerm_user_assigned_identity.app.principal_id
}

output "registry_server" {
  value = one(azurerm_container_registry.relay[*].login_server)
}
