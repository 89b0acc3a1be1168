//! The simulated HTTP API: realistic, seeded, and able to misbehave.
