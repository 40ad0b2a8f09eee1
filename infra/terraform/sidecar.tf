# The sidecar: a container for delegated access (IMAP and SMTP), which only the function app calls.

locals {
  # What is set here cannot be set otherwise, and nobody should believe that it was; and what is the app's stays there.
  sidecar_refused = [
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__clientId",
    "KEY_VAULT_URL",
    "SIDECAR_KEY",
    "SIDECAR_PORT",
    "CLIENT_STATE_KEYS",
    "API_TOKEN",
  ]

  # Nobody resolves references for a container, so a setting that is one becomes a secret, which does the same.
  # https://learn.microsoft.com/azure/container-apps/manage-secrets#reference-secret-from-key-vault
  reference          = "@Microsoft.KeyVault(SecretUri="
  sidecar_references = { for name, value in var.sidecar_settings : name => value if startswith(value, local.reference) }
  sidecar_values     = { for name, value in var.sidecar_settings : name => value if !startswith(value, local.reference) }
}

resource "azurerm_container_app" "sidecar" {
  count = local.sidecar_runs ? 1 : 0

  name                         = "ca-${var.name}"
  resource_group_name          = local.group
  tags                         = merge(local.tags, { azd-service-name = "sidecar" })
  container_app_environment_id = azurerm_container_app_environment.relay[0].id
  workload_profile_name        = "Consumption"
  revision_mode                = "Single"

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.sidecar[0].id]
  }

  # "External" to an internal environment is the virtual network; without it only the environment's own apps get in.
  # https://learn.microsoft.com/azure/container-apps/ingress-overview
  ingress {
    external_enabled           = true
    target_port                = 8080
    transport                  = "auto"
    allow_insecure_connections = false

    traffic_weight {
      latest_revision = true
      percentage      = 100
    }
  }

  registry {
    server   = azurerm_container_registry.relay[0].login_server
    identity = azurerm_user_assigned_identity.sidecar[0].id
  }

  secret {
    name                = "sidecar-key"
    key_vault_secret_id = azurerm_key_vault_secret.sidecar_key.versionless_id
    identity            = azurerm_user_assigned_identity.sidecar[0].id
  }

  dynamic "secret" {
    for_each = local.sidecar_references

    content {
      name                = lower(replace(secret.key, "_", "-"))
      key_vault_secret_id = trimsuffix(trimprefix(secret.value, local.reference), ")")
      identity            = azurerm_user_assigned_identity.sidecar[0].id
    }
  }

  template {
    # Connections to mailboxes stay open, so replicas do not come and go by load.
    min_replicas = var.sidecar_replicas
    max_replicas = var.sidecar_replicas

    container {
      name   = "sidecar"
      image  = var.sidecar_image
      cpu    = var.sidecar_cpu
      memory = var.sidecar_memory

      env {
        name  = "AzureWebJobsStorage__queueServiceUri"
        value = azurerm_storage_account.relay.primary_queue_endpoint
      }
      env {
        name  = "AzureWebJobsStorage__tableServiceUri"
        value = azurerm_storage_account.relay.primary_table_endpoint
      }
      env {
        name  = "AzureWebJobsStorage__clientId"
        value = azurerm_user_assigned_identity.sidecar[0].client_id
      }
      env {
        name  = "KEY_VAULT_URL"
        value = azurerm_key_vault.relay.vault_uri
      }
      env {
        name        = "SIDECAR_KEY"
        secret_name = "sidecar-key"
      }

      dynamic "env" {
        for_each = local.sidecar_references

        content {
          name        = env.key
          secret_name = lower(replace(env.key, "_", "-"))
        }
      }

      dynamic "env" {
        for_each = local.sidecar_values

        content {
          name  = env.key
          value = env.value
        }
      }

      startup_probe {
        transport = "HTTP"
        path      = "/alive"
        port      = 8080
        # 100 seconds: 10 is the most that the documentation allows.
        # https://learn.microsoft.com/rest/api/containerapps/container-apps/create-or-update#containerappprobe
        interval_seconds        = 10
        failure_count_threshold = 10
      }
      liveness_probe {
        transport               = "HTTP"
        path                    = "/alive"
        port                    = 8080
        interval_seconds        = 30
        failure_count_threshold = 5
      }
      readiness_probe {
        transport               = "HTTP"
        path                    = "/health"
        port                    = 8080
        interval_seconds        = 10
        failure_count_threshold = 3
      }
    }
  }

  # Its first replica pulls the image and reads its secret.
  depends_on = [
    time_sleep.roles,
    azurerm_private_endpoint.relay,
    azurerm_private_dns_zone_virtual_network_link.relay,
  ]

  lifecycle {
    precondition {
      condition     = length(setintersection(keys(var.sidecar_settings), local.sidecar_refused)) == 0
      error_message = "The sidecar does not take some of var.sidecar_settings."
    }
  }
}
