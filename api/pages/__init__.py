"""The pages: drawn on the server, each working without script, each fragment at an address of its own."""
