"""Cloud Billing Budgets: budgets that notify."""
