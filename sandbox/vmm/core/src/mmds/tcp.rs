//! TCP segments: reading, writing, and one server-side connection.

use super::respond;
use super::store::Mmds;
use crate::http::Connection;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
const RETRANSMIT: Duration = Duration::from_millis(300);
const MAX_RETRIES: u32 = 8;
const WINDOW: u16 = 16_384;

/// A received segment.
#[derive(Debug)]
pub struct Segment<'a> {
    pub source: Ipv4Addr,
    pub source_port: u16,
    pub port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub mss: Option<u16>,
    pub data: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads an IPv4 packet that carries TCP.
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        let header = usize::from(packet.first()? & 15) * 4;
        let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
        let packet = packet.get(..total)?;
        let tcp = packet.get(header..)?;
        let offset = usize::from(tcp.get(12)? >> 4) * 4;
        if header < 20 || offset < 20 || packet[9] != 6 {
            return None;
        }
        let half = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
        let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
        let data = tcp.get(offset..)?;
        Some(Self {
            source: Ipv4Addr::new(packet[12], packet[13], packet[14], packet[15]),
            source_port: half(0),
            port: half(2),
            seq: word(4),
            ack: word(8),
            flags: tcp[13],
            window: half(14),
            mss: find_mss(&tcp[20..offset]),
            data,
        })
    }

    /// How far the segment moves the sequence number.
    pub fn length(&self) -> u32 {
        let flag = |bit| u32::from(self.flags & bit != 0);
        self.data.len() as u32 + flag(SYN) + flag(FIN)
    }
}

fn find_mss(mut options: &[u8]) -> Option<u16> {
    loop {
        match *options.first()? {
            0 => return None,
            1 => options = &options[1..],
            kind => {
                let length = usize::from(*options.get(1)?);
                let option = options.get(..length.max(2))?;
                if kind == 2 && length == 4 {
                    return Some(u16::from_be_bytes([option[2], option[3]]));
                }
                options = &options[length.max(2)..];
            }
        }
    }
}

/// A segment to send.
#[derive(Debug, Default)]
pub struct Outgoing {
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub mss: Option<u16>,
    pub data: Vec<u8>,
}

/// One connection of the guest to the metadata service.
pub struct Tcp {
    http: Connection,
    rcv_next: u32,
    /// The oldest byte that is not acknowledged; `queue` starts there.
    snd_una: u32,
    snd_next: u32,
    window: u32,
    mss: usize,
    queue: Vec<u8>,
    peer_closed: bool,
    fin_sent: bool,
    retries: u32,
    deadline: Option<Instant>,
}

impl Tcp {
    /// Accepts a connection: the state, and the SYN+ACK to send.
    pub fn accept(segment: &Segment, isn: u32, limit: usize) -> (Self, Outgoing) {
        let tcp = Self {
            http: Connection::new(limit),
            rcv_next: segment.seq.wrapping_add(1),
            snd_una: isn.wrapping_add(1),
            snd_next: isn.wrapping_add(1),
            window: u32::from(segment.window),
            mss: usize::from(segment.mss.unwrap_or(536).clamp(100, 1460)),
            queue: Vec::new(),
            peer_closed: false,
            fin_sent: false,
            retries: 0,
            deadline: None,
        };
        let answer = Outgoing {
            seq: isn,
            ack: tcp.rcv_next,
            flags: SYN | ACK,
            window: WINDOW,
            mss: Some(1460),
            data: Vec::new(),
        };
        (tcp, answer)
    }

    /// When `tick` has to be called.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes in a segment; false when the connection is over.
    pub fn input(&mut self, segment: &Segment, mmds: &mut Mmds, out: &mut Vec<Outgoing>) -> bool {
        if segment.flags & SYN != 0 {
            // Our SYN+ACK got lost: say it again.
            let isn = self.snd_una.wrapping_sub(1);
            let mut answer = self.segment(SYN | ACK, isn, Vec::new());
            answer.mss = Some(1460);
            out.push(answer);
            return true;
        }
        if segment.flags & ACK != 0 {
            self.window = u32::from(segment.window);
            self.acknowledged(segment.ack);
        }
        if segment.length() > 0 {
            if segment.seq == self.rcv_next && !self.peer_closed {
                self.receive(segment, mmds);
            }
            out.push(self.segment(ACK, self.snd_next, Vec::new()));
        }
        self.send(out);
        !(self.fin_sent && self.snd_una == self.snd_next)
    }

    /// Sends again what was not acknowledged in time; false when the guest has gone.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Outgoing>) -> bool {
        if self.deadline.map_or(true, |deadline| deadline > now) {
            return true;
        }
        self.retries += 1;
        self.deadline = None;
        self.snd_next = self.snd_una;
        self.fin_sent = false;
        // A closed window is probed with one segment.
        self.window = self.window.max(self.mss as u32);
        self.send(out);
        self.retries <= MAX_RETRIES
    }

    fn acknowledged(&mut self, ack: u32) {
        let count = ack.wrapping_sub(self.snd_una);
        if count == 0 || count > self.snd_next.wrapping_sub(self.snd_una) {
            return;
        }
        self.queue.drain(..(count as usize).min(self.queue.len()));
        self.snd_una = ack;
        self.retries = 0;
        self.deadline = (self.snd_una != self.snd_next).then(|| Instant::now() + RETRANSMIT);
    }

    fn receive(&mut self, segment: &Segment, mmds: &mut Mmds) {
        self.rcv_next = self.rcv_next.wrapping_add(segment.length());
        let mut data = segment.data;
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(self.http.room().max(1)));
            self.http.feed(now);
            data = later;
        }
        while let Some(request) = self.http.ready.pop_front() {
            let response = respond::respond(mmds, &request);
            self.http.queue(&response);
        }
        self.queue.append(&mut self.http.outgoing);
        self.peer_closed = segment.flags & FIN != 0;
    }

    fn send(&mut self, out: &mut Vec<Outgoing>) {
        loop {
            let flying = self.snd_next.wrapping_sub(self.snd_una) as usize;
            let room = (self.window as usize).saturating_sub(flying);
            let rest = self.queue.len().saturating_sub(flying);
            let count = rest.min(room).min(self.mss);
            if count == 0 {
                break;
            }
            let data = self.queue[flying..flying + count].to_vec();
            out.push(self.segment(ACK | PSH, self.snd_next, data));
            self.snd_next = self.snd_next.wrapping_add(count as u32);
        }
        let all_sent = self.snd_next.wrapping_sub(self.snd_una) as usize >= self.queue.len();
        if self.peer_closed && !self.fin_sent && all_sent {
            out.push(self.segment(ACK | FIN, self.snd_next, Vec::new()));
            self.snd_next = self.snd_next.wrapping_add(1);
            self.fin_sent = true;
        }
        let waiting = self.snd_una != self.snd_next || !all_sent;
        if waiting && self.deadline.is_none() {
            self.deadline = Some(Instant::now() + RETRANSMIT);
        }
    }

    fn segment(&self, flags: u8, seq: u32, data: Vec<u8>) -> Outgoing {
        Outgoing { seq, ack: self.rcv_next, flags, window: WINDOW, mss: None, data }
    }
}
