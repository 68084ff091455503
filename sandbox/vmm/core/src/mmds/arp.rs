//! Answers to ARP requests for the metadata address.

use std::net::Ipv4Addr;

/// The Ethernet address that the metadata service answers with.
pub const MMDS_MAC: [u8; 6] = [0x06, 0x01, 0x23, 0x45, 0x67, 0x01];
/// Length of an Ethernet header.
pub const ETHERNET: usize = 14;
const ARP: [u8; 2] = [0x08, 0x06];

/// Whether a frame is an ARP packet that asks for `address`.
pub fn asks_for(frame: &[u8], address: Ipv4Addr) -> bool {
    frame.len() >= ETHERNET + 28
        && frame[12..14] == ARP
        && frame[ETHERNET + 24..ETHERNET + 28] == address.octets()
}

/// The reply to such a frame; None when it is no request.
pub fn reply(frame: &[u8], address: Ipv4Addr) -> Option<Vec<u8>> {
    let arp = frame.get(ETHERNET..ETHERNET + 28)?;
    // Hardware type Ethernet, protocol IPv4, operation "request".
    if arp[..8] != [0, 1, 8, 0, 6, 4, 0, 1] {
        return None;
    }
    let sender = &arp[8..14];
    let mut out = Vec::with_capacity(ETHERNET + 28);
    out.extend_from_slice(sender);
    out.extend_from_slice(&MMDS_MAC);
    out.extend_from_slice(&ARP);
    out.extend_from_slice(&[0, 1, 8, 0, 6, 4, 0, 2]);
    out.extend_from_slice(&MMDS_MAC);
    out.extend_from_slice(&address.octets());
    out.extend_from_slice(&arp[8..18]);
    Some(out)
}
