"""10 October 2025 again: who was liquidated and deleveraged, and what another deleveraging would have taken."""
