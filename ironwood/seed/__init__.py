"""The seed's own settings: a terraform.tfvars read, and told as a profile."""
