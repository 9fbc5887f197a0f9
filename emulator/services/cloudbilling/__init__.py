"""Cloud Billing: the billing account, its policy, what the project is billed to, the price catalog."""
