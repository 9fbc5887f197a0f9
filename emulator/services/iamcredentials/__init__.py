"""IAM Service Account Credentials: tokens of accounts for those who may act as them."""
