//! Every port without a world: real implementations that live as long as the process.
