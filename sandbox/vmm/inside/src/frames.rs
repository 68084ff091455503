//! Frames between QEMU and the tap, and the metadata service in between. The thread sleeps while nothing moves.

use crate::traffic::{Traffic, Way};
use standin_core::handoff::Handoff;
use standin_core::mmds::stack::Stack;
use standin_core::mmds::Mmds;
use standin_core::model::mmds::DEFAULT_ADDRESS;
use std::io;
use std::os::unix::io::RawFd;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The longest frame.
const MAX_FRAME: usize = 65_550;
/// Frames moved from one side before the other gets its turn.
const BURST: usize = 64;

/// One interface.
pub struct Port {
    /// -1 once the tap has gone.
    tap: RawFd,
    guest: RawFd,
    stack: Option<Stack>,
    traffic: Arc<Traffic>,
    /// A frame that QEMU had no room for. While there is one, the tap's own queue holds the rest.
    held: Option<Vec<u8>>,
}

/// The interfaces of a guest.
pub fn ports(handoff: &Handoff) -> Vec<Port> {
    let mmds = handoff.config.mmds_config.as_ref();
    let stack = |id: &String| {
        let config = mmds.filter(|config| config.network_interfaces.contains(id))?;
        Some(Stack::new(config.ipv4_address.unwrap_or(DEFAULT_ADDRESS)))
    };
    let port = |net: &standin_core::handoff::Net| Port {
        tap: net.tap,
        guest: net.guest,
        stack: stack(&net.iface_id),
        traffic: Arc::new(Traffic::new(&net.iface_id)),
        held: None,
    };
    handoff.nets.iter().map(port).collect()
}

/// What will be counted on them.
pub fn traffic(ports: &[Port]) -> Vec<Arc<Traffic>> {
    ports.iter().map(|port| port.traffic.clone()).collect()
}

/// Moves frames until QEMU ends.
pub fn run(mut ports: Vec<Port>, mmds: &Arc<Mutex<Mmds>>) {
    let mut buffer = vec![0u8; MAX_FRAME];
    while !ports.is_empty() {
        let mut fds = Vec::with_capacity(ports.len() * 2);
        for port in &ports {
            let (tap, more) = match port.held {
                Some(_) => (-1, libc::POLLOUT),
                None => (port.tap, 0),
            };
            fds.push(libc::pollfd { fd: tap, events: libc::POLLIN, revents: 0 });
            fds.push(libc::pollfd { fd: port.guest, events: libc::POLLIN | more, revents: 0 });
        }
        // SAFETY: `fds` is a valid array of that many entries.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout(&ports)) };
        for (port, events) in ports.iter_mut().zip(fds.chunks(2)) {
            port.serve(events[0].revents, events[1].revents, mmds, &mut buffer);
        }
    }
}

/// Milliseconds until a metadata connection has to send again; -1 when none has.
fn timeout(ports: &[Port]) -> i32 {
    let deadlines = ports.iter().filter_map(|port| port.stack.as_ref()?.deadline());
    deadlines
        .min()
        .map_or(-1, |deadline| deadline.saturating_duration_since(Instant::now()).as_millis() as i32 + 1)
}

impl Port {
    fn serve(&mut self, tap: i16, guest: i16, mmds: &Arc<Mutex<Mmds>>, buffer: &mut [u8]) {
        if guest & libc::POLLOUT != 0 {
            if let Some(frame) = self.held.take() {
                self.to_guest(&frame);
            }
        }
        if guest & (libc::POLLHUP | libc::POLLERR) != 0 && guest & libc::POLLIN == 0 {
            // QEMU has closed its end.
            (self.guest, self.tap) = (-1, -1);
            return;
        }
        if tap & libc::POLLIN != 0 {
            self.from_tap(buffer);
        } else if tap != 0 {
            self.tap = -1;
        }
        if guest & libc::POLLIN != 0 {
            self.from_guest(mmds, buffer);
        }
        let due = self.stack.as_ref().and_then(Stack::deadline);
        if due.map_or(false, |deadline| deadline <= Instant::now()) {
            let frames = self.stack.as_mut().map_or_else(Vec::new, Stack::tick);
            frames.iter().for_each(|frame| self.answer(frame));
        }
    }

    /// A frame of the metadata service. What does not fit is sent again later.
    fn answer(&self, frame: &[u8]) {
        if send(self.guest, frame).is_ok() {
            self.traffic.count(Way::FromMetadata, frame.len());
        }
    }

    fn from_tap(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            // SAFETY: the buffer is valid for that many bytes.
            let count = unsafe { libc::read(self.tap, buffer.as_mut_ptr().cast(), buffer.len()) };
            if count <= 0 || !self.to_guest(&buffer[..count as usize]) {
                return;
            }
        }
    }

    fn to_guest(&mut self, frame: &[u8]) -> bool {
        match send(self.guest, frame) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.held = Some(frame.to_vec());
                false
            }
            Ok(()) => {
                self.traffic.count(Way::ToGuest, frame.len());
                true
            }
            Err(_) => true,
        }
    }

    fn from_guest(&mut self, mmds: &Arc<Mutex<Mmds>>, buffer: &mut [u8]) {
        for _ in 0..BURST {
            let flags = libc::MSG_DONTWAIT;
            // SAFETY: the buffer is valid for that many bytes.
            let count = unsafe { libc::recv(self.guest, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
            if count <= 0 {
                return;
            }
            let frame = &buffer[..count as usize];
            match self.stack.as_mut().filter(|stack| stack.wants(frame)) {
                Some(stack) => {
                    let replies = match mmds.lock() {
                        Ok(mut mmds) => stack.input(frame, &mut mmds),
                        Err(_) => return,
                    };
                    self.traffic.count(Way::ToMetadata, frame.len());
                    replies.iter().for_each(|reply| self.answer(reply));
                }
                None if self.tap >= 0 => {
                    // SAFETY: the buffer is valid for that many bytes. A tap that is down takes nothing.
                    let taken = unsafe { libc::write(self.tap, frame.as_ptr().cast(), frame.len()) };
                    if taken >= 0 {
                        self.traffic.count(Way::FromGuest, frame.len());
                    }
                }
                None => {}
            }
        }
    }
}

fn send(fd: RawFd, frame: &[u8]) -> io::Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the buffer is valid for that many bytes.
    let count = unsafe { libc::send(fd, frame.as_ptr().cast(), frame.len(), flags) };
    if count < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
