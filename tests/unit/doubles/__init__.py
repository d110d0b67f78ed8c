"""AWS services in memory, for what moto does not refuse as AWS does."""
