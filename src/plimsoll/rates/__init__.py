"""Margin rates of a venue over time: raw rate, floor, buffer, stress weight, speed limit, notice, and their impact."""
