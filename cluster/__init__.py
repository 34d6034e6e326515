"""What the platform provides: hardware, quantities, resources, artifacts, the store."""
