//! What goes over the guest's interfaces, in Firecracker's words: rx is what comes to the guest, tx what it sends.

use standin_core::metrics::Tally;
use std::sync::atomic::{AtomicU64, Ordering};

/// Frames and bytes of one interface since they were asked for last.
pub struct Traffic {
    iface_id: String,
    rx: Flow,
    tx: Flow,
    /// Frames to the metadata service, and from it.
    asked: Flow,
    answered: Flow,
}

/// Which way a frame goes.
pub enum Way {
    ToGuest,
    FromGuest,
    ToMetadata,
    FromMetadata,
}

#[derive(Default)]
struct Flow {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Flow {
    fn take(&self) -> (u64, u64) {
        (self.frames.swap(0, Ordering::Relaxed), self.bytes.swap(0, Ordering::Relaxed))
    }
}

impl Traffic {
    /// Nothing has moved yet.
    pub fn new(iface_id: &str) -> Self {
        let flow = Flow::default;
        Self { iface_id: iface_id.to_string(), rx: flow(), tx: flow(), asked: flow(), answered: flow() }
    }

    /// Counts a frame.
    pub fn count(&self, way: Way, length: usize) {
        let flow = match way {
            Way::ToGuest => &self.rx,
            Way::FromGuest => &self.tx,
            Way::ToMetadata => &self.asked,
            Way::FromMetadata => &self.answered,
        };
        flow.frames.fetch_add(1, Ordering::Relaxed);
        flow.bytes.fetch_add(length as u64, Ordering::Relaxed);
    }

    /// Adds what was counted, to this interface and to the sum of all.
    pub fn report(&self, tally: &mut Tally) {
        let ((rx, rx_bytes), (tx, tx_bytes)) = (self.rx.take(), self.tx.take());
        for group in ["net", &format!("net_{}", self.iface_id)] {
            tally.add(group, "rx_packets_count", rx);
            tally.add(group, "rx_bytes_count", rx_bytes);
            tally.add(group, "tx_packets_count", tx);
            tally.add(group, "tx_bytes_count", tx_bytes);
        }
        let (asked, (answered, bytes)) = (self.asked.take().0, self.answered.take());
        tally.add("mmds", "rx_accepted", asked);
        tally.add("mmds", "rx_count", asked);
        tally.add("mmds", "tx_frames", answered);
        tally.add("mmds", "tx_count", answered);
        tally.add("mmds", "tx_bytes", bytes);
    }
}
