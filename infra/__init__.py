"""To Azure: the templates (Bicep and Terraform), the Entra set-up, and the checks that they pass."""
