//! An HTTP client with manners: deadlines, retries, Retry-After and limits.
