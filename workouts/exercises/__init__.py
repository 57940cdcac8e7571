"""Strength exercises: one catalogue of Garmin's and Hevy's names, numbers and muscle groups."""
