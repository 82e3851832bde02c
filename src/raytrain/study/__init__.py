"""The research question: arms × seeds, one table with intervals, one verdict."""
