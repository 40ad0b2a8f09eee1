#!/bin/sh
# Once for each subscription: registers the resource providers whose resources the templates make.
#
# Azure does so itself for whoever may register (a Contributor of the subscription), but for Microsoft.App, which the app's
# way into a virtual network needs without a resource of its own. Whoever has rights in the resource group alone, like
# GitHub's workflow, may not: the deployment ends with MissingSubscriptionRegistration.
# https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
# Needs: az, signed in as somebody who may. Not tried on a real subscription yet.
set -eu
for namespace in App Consumption ContainerRegistry Insights KeyVault ManagedIdentity Network OperationalInsights Storage Web; do
    az provider register --namespace "Microsoft.$namespace" --wait
done
