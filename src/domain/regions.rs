//! Countries, and the states of those whose taxes depend on them (ISO 3166).
