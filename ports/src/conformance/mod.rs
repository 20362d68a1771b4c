//! What every implementation of a port must do, as plain functions over the trait.
