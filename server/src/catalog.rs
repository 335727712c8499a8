//! Job types: schema, rules, unique constraints, limits; loaded and checked at start.
