"""The crowding add-on and moving thresholds put to the test in cascades: what they cost and what they save."""
