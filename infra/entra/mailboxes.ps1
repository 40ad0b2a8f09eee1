#Requires -Version 7.0
#Requires -Modules ExchangeOnlineManagement
<#
.SYNOPSIS
Lets the application into the mailboxes of one group, and into no other (RBAC for Applications in Exchange Online).

.DESCRIPTION
Needs the module ExchangeOnlineManagement and an Exchange Administrator. The application must not hold Mail permissions
in Entra ID too, because those are for every mailbox and both add up. A change takes 30 minutes to 2 hours to be felt;
Test-ServicePrincipalAuthorization at the end sees it at once.
https://learn.microsoft.com/exchange/permissions-exo/application-rbac
Not tried on a real tenant yet.

.EXAMPLE
infra/entra/mailboxes.ps1 -ClientId ... -ObjectId ... -Group relay365@contoso.com -Test help@contoso.com
#>
param(
    [Parameter(Mandatory)] [string] $ClientId,
    # Of the enterprise application (service principal), not of the registration.
    [Parameter(Mandatory)] [string] $ObjectId,
    # A mail-enabled security group or distribution group; nested groups do not count.
    [Parameter(Mandatory)] [string] $Group,
    [Parameter(Mandatory)] [string] $Test,
    # In a sovereign cloud O365USGovGCCHigh, O365USGovDoD or O365China.
    [string] $Environment = 'O365Default',
    [switch] $Write,
    [switch] $Send
)

$ErrorActionPreference = 'Stop'
Connect-ExchangeOnline -ShowBanner:$false -ExchangeEnvironmentName $Environment

if (-not (Get-ServicePrincipal | Where-Object AppId -EQ $ClientId)) {
    New-ServicePrincipal -AppId $ClientId -ObjectId $ObjectId -DisplayName 'Relay365' | Out-Null
}

$scope = 'Relay365 mailboxes'
$members = (Get-DistributionGroup -Identity $Group).DistinguishedName
if (Get-ManagementScope | Where-Object Name -EQ $scope) {
    Set-ManagementScope -Identity $scope -RecipientRestrictionFilter "MemberOfGroup -eq '$members'"
} else {
    New-ManagementScope -Name $scope -RecipientRestrictionFilter "MemberOfGroup -eq '$members'" | Out-Null
}

$roles = @($Write ? 'Application Mail.ReadWrite' : 'Application Mail.Read')
if ($Send) { $roles += 'Application Mail.Send' }
foreach ($role in $roles) {
    $name = "Relay365 $role"
    if (-not (Get-ManagementRoleAssignment -Identity $name -ErrorAction SilentlyContinue)) {
        New-ManagementRoleAssignment -Name $name -App $ObjectId -Role $role -CustomResourceScope $scope | Out-Null
    }
}

Test-ServicePrincipalAuthorization -Identity $ObjectId -Resource $Test | Format-Table
