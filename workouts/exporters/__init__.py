"""Every exporter: a workout in, the provider's payload and all that had to change out."""
