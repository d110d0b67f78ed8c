"""What is fetched and sent over HTTP, from places that the owner has named."""
