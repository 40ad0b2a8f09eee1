output "app_name" {
  value = azurerm_function_app_flex_consumption.relay.name
}

output "app_url" {
  value = "https://${azurerm_function_app_flex_consumption.relay.default_hostname}"
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
