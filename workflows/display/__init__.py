"""How runs, plans and stores are shown: pure text first, a terminal's live picture only where a person looks."""
