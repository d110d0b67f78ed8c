"""What every function needs and none owns: settings, clients, errors, names, the catalog."""
