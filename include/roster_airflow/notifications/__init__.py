"""How people hear of a run."""
