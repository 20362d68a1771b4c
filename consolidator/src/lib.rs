//! consolidator
