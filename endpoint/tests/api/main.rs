//! The endpoint over a socket of this machine, with a client that writes HTTP by hand.
#![cfg(test)]

mod golden;
mod golden_case;
mod support;
mod wire;
