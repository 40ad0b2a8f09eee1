terraform {
  # Write-only arguments keep secrets out of the state.
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.10"
    }
    azapi = {
      source  = "azure/azapi"
      version = "~> 2.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
    time = {
      source  = "hashicorp/time"
      version = "~> 0.13"
    }
  }
}

provider "azurerm" {
  environment = var.cloud
  # The storage account has no shared keys, and whoever deploys need not have a role on its data.
  storage_use_azuread = true
  # Of itself the provider registers none any more. Microsoft.App is needed by the app's own way into the network, too.
  # https://github.com/hashicorp/terraform-provider-azurerm/blob/main/website/docs/5.0-upgrade-guide.html.markdown
  resource_providers_to_register = [
    "Microsoft.App",
    "Microsoft.Consumption",
    "Microsoft.ContainerRegistry",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
    "Microsoft.Web",
  ]

  features {
    storage {
      data_plane_available = false
    }
    # Neither the vault nor what is in it can be purged.
    key_vault {
      purge_soft_delete_on_destroy          = false
      purge_soft_deleted_secrets_on_destroy = false
    }
  }
}

provider "azapi" {
  environment = var.cloud
}
