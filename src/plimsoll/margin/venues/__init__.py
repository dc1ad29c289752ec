"""Venues: one folder each, with its requirement and its dated parameter packs."""
