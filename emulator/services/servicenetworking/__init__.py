"""Service Networking: private connections between a VPC and the network of Google's services."""
