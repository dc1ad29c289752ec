"""The house models."""
