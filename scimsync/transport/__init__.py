"""HTTP for targets and sources alike: authentication, rate limiting, observation of requests."""
