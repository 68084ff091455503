//! CRC-64 (polynomial of Jones), as the end of a state file has it.

const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

/// The checksum of `bytes`.
pub fn crc64(bytes: &[u8]) -> u64 {
    let mut table = [0u64; 256];
    for (index, entry) in table.iter_mut().enumerate() {
        let mut value = index as u64;
        for _ in 0..8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
        }
        *entry = value;
    }
    bytes.iter().fold(0, |crc, byte| table[usize::from((crc as u8) ^ byte)] ^ (crc >> 8))
}
