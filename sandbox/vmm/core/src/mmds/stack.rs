//! The guest's side of the metadata service: frames to its address are answered in process, and nothing of them
//! ever reaches the tap.

use super::arp::{self, ETHERNET, MMDS_MAC};
use super::store::Mmds;
use super::tcp::{Outgoing, Segment, Tcp, ACK, RST, SYN};
use crate::PAYLOAD_LIMIT;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Instant;

const MAX_CONNECTIONS: usize = 30;
const PORT: u16 = 80;
const IPV4: [u8; 2] = [0x08, 0x00];

struct Peer {
    tcp: Tcp,
    mac: [u8; 6],
    used: Instant,
}

/// The network stack behind one interface.
pub struct Stack {
    address: Ipv4Addr,
    peers: HashMap<(Ipv4Addr, u16), Peer>,
    isn: u32,
}

impl Stack {
    /// A stack that answers for `address`.
    pub fn new(address: Ipv4Addr) -> Self {
        Self { address, peers: HashMap::new(), isn: std::process::id().wrapping_mul(2_654_435_761) }
    }

    /// Whether a frame of the guest is meant for the metadata service.
    pub fn wants(&self, frame: &[u8]) -> bool {
        let to_address = frame.len() >= ETHERNET + 20
            && frame[12..14] == IPV4
            && frame[ETHERNET + 16..ETHERNET + 20] == self.address.octets();
        to_address || arp::asks_for(frame, self.address)
    }

    /// Takes in such a frame; the frames to send to the guest are returned.
    pub fn input(&mut self, frame: &[u8], mmds: &mut Mmds) -> Vec<Vec<u8>> {
        if frame[12..14] != IPV4 {
            return arp::reply(frame, self.address).into_iter().collect();
        }
        let segment = match Segment::parse(&frame[ETHERNET..]) {
            Some(segment) => segment,
            None => return Vec::new(),
        };
        let mut mac = [0u8; 6];
        mac.copy_from_slice(&frame[6..12]);
        let key = (segment.source, segment.source_port);
        let mut out = Vec::new();
        if segment.flags & RST != 0 {
            self.peers.remove(&key);
        } else if let Some(peer) = self.peers.get_mut(&key) {
            peer.used = Instant::now();
            if !peer.tcp.input(&segment, mmds, &mut out) {
                self.peers.remove(&key);
            }
        } else if segment.flags & (SYN | ACK) == SYN && segment.port == PORT {
            self.make_room();
            self.isn = self.isn.wrapping_add(64_000);
            let (tcp, answer) = Tcp::accept(&segment, self.isn, PAYLOAD_LIMIT);
            let used = Instant::now();
            self.peers.insert(key, Peer { tcp, mac, used });
            out.push(answer);
        } else {
            out.push(reset(&segment));
        }
        let wrap = |segment: &Outgoing| self.frame(mac, key, segment);
        out.iter().map(wrap).collect()
    }

    /// The moment at which `tick` is due; None when nothing is under way.
    pub fn deadline(&self) -> Option<Instant> {
        self.peers.values().filter_map(|peer| peer.tcp.deadline()).min()
    }

    /// Sends again what got lost.
    pub fn tick(&mut self) -> Vec<Vec<u8>> {
        let now = Instant::now();
        let mut frames = Vec::new();
        let mut dead = Vec::new();
        let keys: Vec<_> = self.peers.keys().copied().collect();
        for key in keys {
            let mut out = Vec::new();
            let mut mac = [0u8; 6];
            if let Some(peer) = self.peers.get_mut(&key) {
                mac = peer.mac;
                if !peer.tcp.tick(now, &mut out) {
                    dead.push(key);
                }
            }
            frames.extend(out.iter().map(|segment| self.frame(mac, key, segment)));
        }
        for key in dead {
            self.peers.remove(&key);
        }
        frames
    }

    fn make_room(&mut self) {
        if self.peers.len() < MAX_CONNECTIONS {
            return;
        }
        let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.used);
        if let Some(key) = oldest.map(|(key, _)| *key) {
            self.peers.remove(&key);
        }
    }

    fn frame(&self, mac: [u8; 6], to: (Ipv4Addr, u16), segment: &Outgoing) -> Vec<u8> {
        let mut tcp = Vec::with_capacity(24 + segment.data.len());
        tcp.extend_from_slice(&PORT.to_be_bytes());
        tcp.extend_from_slice(&to.1.to_be_bytes());
        tcp.extend_from_slice(&segment.seq.to_be_bytes());
        tcp.extend_from_slice(&segment.ack.to_be_bytes());
        tcp.push(if segment.mss.is_some() { 6 << 4 } else { 5 << 4 });
        tcp.push(segment.flags);
        tcp.extend_from_slice(&segment.window.to_be_bytes());
        tcp.extend_from_slice(&[0, 0, 0, 0]);
        if let Some(mss) = segment.mss {
            tcp.extend_from_slice(&[2, 4]);
            tcp.extend_from_slice(&mss.to_be_bytes());
        }
        tcp.extend_from_slice(&segment.data);
        let length = tcp.len() as u16;
        let mut pseudo = Vec::with_capacity(12 + tcp.len());
        pseudo.extend_from_slice(&self.address.octets());
        pseudo.extend_from_slice(&to.0.octets());
        pseudo.extend_from_slice(&[0, 6]);
        pseudo.extend_from_slice(&length.to_be_bytes());
        pseudo.extend_from_slice(&tcp);
        tcp[16..18].copy_from_slice(&checksum(&pseudo).to_be_bytes());

        let mut ip = vec![0x45, 0];
        ip.extend_from_slice(&(length + 20).to_be_bytes());
        // Identification 0, "don't fragment", 64 hops, TCP, checksum to come.
        ip.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
        ip.extend_from_slice(&self.address.octets());
        ip.extend_from_slice(&to.0.octets());
        let sum = checksum(&ip).to_be_bytes();
        ip[10..12].copy_from_slice(&sum);

        let mut frame = Vec::with_capacity(ETHERNET + ip.len() + tcp.len());
        frame.extend_from_slice(&mac);
        frame.extend_from_slice(&MMDS_MAC);
        frame.extend_from_slice(&IPV4);
        frame.extend_from_slice(&ip);
        frame.extend_from_slice(&tcp);
        frame
    }
}

/// A reset for a segment that belongs to no connection.
fn reset(segment: &Segment) -> Outgoing {
    let known = segment.flags & ACK != 0;
    Outgoing {
        seq: if known { segment.ack } else { 0 },
        ack: if known { 0 } else { segment.seq.wrapping_add(segment.length()) },
        flags: if known { RST } else { RST | ACK },
        ..Outgoing::default()
    }
}

/// The Internet checksum.
fn checksum(bytes: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
