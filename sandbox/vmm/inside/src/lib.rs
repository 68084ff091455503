//! Preloaded into QEMU: QEMU runs in the process that the caller started as `firecracker`, with that process's
//! pid, name and arguments, while the threads of this library go on serving Firecracker's API, move the frames
//! between QEMU and the tap, and answer the guest's metadata requests.
//!
//! QEMU is started with Firecracker's own arguments, so that `ps` shows them; its real ones are put in place here,
//! before its `main` is called.

mod api;
mod files;
mod frames;
mod machine;
mod qmp;
mod start;
mod traffic;
