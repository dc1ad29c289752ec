"""What moves a margin: sensitivities and the next kink, the change between two snapshots, two dates of a rule set."""
