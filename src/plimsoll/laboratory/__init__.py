"""Crashes that feed on themselves: cascades, stress and reverse stress, and liens across chains."""
