"""The soak: thousands of activities from every provider, over a network that fails and with workers that are killed."""
