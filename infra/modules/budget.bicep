// A budget of the resource group: it tells at 80 % and when the month is forecast to exceed it. It stops nothing.

param name string

@description('What a month may cost, in the currency of the subscription.')
param amount int

@description('The first day of the month in which the budget begins, as YYYY-MM-01.')
param start string

param emails string[]

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'budget-${name}'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: {
      // Azure takes no day of an earlier month for a new budget, and no other day than the first one for an old one:
      // no default would do both.
      startDate: empty(start) ? fail('A budget needs budgetStart, like 2026-11-01.') : start
    }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: emails
        contactRoles: ['Owner']
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: emails
        contactRoles: ['Owner']
      }
    }
  }
}
