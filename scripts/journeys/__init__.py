"""Journeys through the running app in a real Chromium, timed as a user waits."""
