//! A node that follows: bootstrap, tail, apply, verify, promotion.
