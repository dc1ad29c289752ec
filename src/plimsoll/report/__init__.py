"""What people look at: tables for the terminal, figures, and one self-contained HTML page."""
