variable "resource_group" {
  description = "The resource group, which exists."
  type        = string
}

variable "cloud" {
  description = "Which Azure: public, usgovernment or china."
  type        = string
  default     = "public"
}

variable "name" {
  description = "The name of this deployment, yours alone in all of Azure: every resource is called after it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,16}$", var.name))
    error_message = "The name must have 3 to 17 lower-case letters and digits, and begin with a letter."
  }
}

variable "location" {
  description = "The region; by default that of the resource group."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

# The function app

variable "python_version" {
  type    = string
  default = "3.12"

  validation {
    condition     = contains(["3.11", "3.12"], var.python_version)
    error_message = "The Python version must be 3.11 or 3.12."
  }
}

variable "instance_memory_mb" {
  description = "Memory of an instance; 512 has a quarter of a processor, 2048 a whole one."
  type        = number
  default     = 2048

  validation {
    condition     = contains([512, 2048, 4096], var.instance_memory_mb)
    error_message = "The memory must be 512, 2048 or 4096."
  }
}

variable "maximum_instances" {
  description = "The most instances of each group of functions."
  type        = number
  default     = 100

  validation {
    condition     = var.maximum_instances >= 40 && var.maximum_instances <= 1000
    error_message = "There can be 40 to 1000 instances."
  }
}

variable "http_concurrency" {
  description = "HTTP requests that an instance works on at the same time; it has a thread for each."
  type        = number
  default     = 16

  validation {
    condition     = var.http_concurrency >= 1 && var.http_concurrency <= 1000
    error_message = "An instance can work on 1 to 1000 HTTP requests."
  }
}

variable "always_ready_http" {
  description = "Instances that always wait for HTTP: Graph gives a handshake 10 seconds and drops who answers slowly."
  type        = number
  default     = 1
}

variable "always_ready_changes" {
  description = "Instances that always wait for changes: without one, the first mail after a rest waits for a cold start."
  type        = number
  default     = 0
}

variable "settings" {
  description = "More settings of the app, by the names of the table in README.md."
  type        = map(string)
  default     = {}
}

# Secrets. docs/rotation.md says in which order they change without a gap.

variable "client_state_keys" {
  description = "CLIENT_STATE_KEYS, comma-separated where there are several; empty for a random one."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true
}

variable "client_state_keys_version" {
  description = "Raise it to have CLIENT_STATE_KEYS written again, as given; a random one would end the former at once."
  type        = number
  default     = 1
}

variable "api_token" {
  description = "API_TOKEN, comma-separated where there are several; empty for a random one."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true
}

variable "api_token_version" {
  description = "Raise it to have API_TOKEN written again, as given; a random one would end the former at once."
  type        = number
  default     = 1
}

variable "sidecar_key" {
  description = "SIDECAR_KEY, comma-separated where there are several; empty for a random one."
  type        = string
  default     = ""
  sensitive   = true
  ephemeral   = true
}

variable "sidecar_key_version" {
  description = "Raise it to have SIDECAR_KEY written again, as given; a random one would end the former at once."
  type        = number
  default     = 1
}

variable "operator_principal_id" {
  description = "Object id of the person or group that may read and change secrets; by default whoever deploys. Whoever deploys must be it or in it, because Terraform writes the secrets."
  type        = string
  default     = null
}

variable "operator_type" {
  description = "What the operator is. A workflow that deploys is a ServicePrincipal."
  type        = string
  default     = "User"

  validation {
    condition     = contains(["User", "Group", "ServicePrincipal"], var.operator_type)
    error_message = "The operator is a User, a Group or a ServicePrincipal."
  }
}

# Storage

variable "storage_replication" {
  description = "How many copies of the data are kept, and where; not every region has zones."
  type        = string
  default     = "ZRS"

  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.storage_replication)
    error_message = "The replication must be LRS, ZRS, GRS or GZRS."
  }
}

variable "audit_tables" {
  description = "Whether every table request is logged."
  type        = bool
  default     = false
}

# The sidecar, for delegated access

variable "deploy_sidecar" {
  type    = bool
  default = false
}

variable "sidecar_image" {
  description = "The sidecar's image. Without one all else is made, so that there is a registry to push it to."
  type        = string
  default     = ""
}

variable "sidecar_replicas" {
  type    = number
  default = 1
}

variable "sidecar_cpu" {
  type    = number
  default = 0.5
}

variable "sidecar_memory" {
  type    = string
  default = "1Gi"
}

variable "sidecar_settings" {
  description = "More settings of the sidecar, by the same names: it knows nothing of those of the app."
  type        = map(string)
  default     = {}
}

# The network

variable "private_networking" {
  description = "Whether storage, vault and registry are reached through private endpoints only."
  type        = bool
  default     = false
}

variable "allowed_ips" {
  description = "Addresses that may still reach storage, vault and registry from outside, where networking is private."
  type        = list(string)
  default     = []
}

variable "nat_gateway" {
  description = "Whether what goes out through the network has one fixed address."
  type        = bool
  default     = false
}

# Watching

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 30
}

variable "log_daily_cap_gb" {
  description = "The most that a day of logs may bring, in GB; -1 sets no limit. A reached limit silences the alerts too."
  type        = number
  default     = -1
}

variable "sampling_percentage" {
  description = "The share of telemetry that is kept. Below 100 also lines are dropped that alerts stand on: keep 100."
  type        = number
  default     = 100
}

variable "alert_emails" {
  description = "Who is told by alerts and by the budget."
  type        = list(string)
  default     = []
}

variable "monthly_budget" {
  description = "What a month may cost before the budget tells; 0 makes no budget."
  type        = number
  default     = 0
}

variable "budget_start" {
  description = "The first day of the month in which the budget begins, as YYYY-MM-01; by default this month."
  type        = string
  default     = null
}
