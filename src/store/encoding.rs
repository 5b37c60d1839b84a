//! How domain values become stored bytes: a format byte, then postcard.
