//! Roles and permissions: who may do what.
