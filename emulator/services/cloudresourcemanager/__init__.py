"""Cloud Resource Manager: the project and its policy."""
