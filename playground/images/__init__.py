"""Device images: built here, in CodeBuild or by the local cloud, and brought to the devices."""
