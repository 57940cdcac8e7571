"""One module for each provider that the sandbox plays; each ends in `PLAY`."""
