//! What a user hears who made a mistake in a configuration: the thing, the value and the way out, with its line.

#[cfg(test)]
mod combinations;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod support;
