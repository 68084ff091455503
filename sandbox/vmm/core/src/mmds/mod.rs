//! The metadata service: its data, its tokens, its answers, and the small network stack that the guest talks to.

pub mod arp;
pub mod respond;
pub mod stack;
pub mod store;
pub mod tcp;
pub mod token;

pub use store::Mmds;
