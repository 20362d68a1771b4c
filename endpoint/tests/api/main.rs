//! The endpoint over a socket of this machine, with a client that writes HTTP by hand.
#![cfg(test)]

mod documented;
mod executions;
mod golden;
mod golden_case;
mod state_machines;
mod support;
mod wire;
