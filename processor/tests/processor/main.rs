//! The processor from its event to its answer, over a real origin on loopback and over a scripted one.
#![cfg(test)]

mod bad_input;
mod copies;
mod deadline;
mod image_download;
mod manifests;
mod names;
mod rates;
mod retries;
mod stores;
mod support;
