"""A venue as an environment, and policies that set its rates."""
