"""OneRoster 1.1 and 1.2 of the generated district: its objects, and a stand-in for a provider's REST service."""
