"""Pages about the knowledge itself: one attribute, one product, one rule, and counts of findings."""
