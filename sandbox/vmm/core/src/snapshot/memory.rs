//! The memory file: the guest's memory, byte by byte, with holes where it is zero.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::io::AsRawFd;

const PAGE: usize = 4096;
/// Pages are written in runs of up to this many bytes.
const RUN: usize = 1 << 20;

/// Writes `memory` to `file`. Only `ranges` are looked at; what lies outside them is known to be zero.
///
/// `holes` leaves zero pages out, which needs a file that is empty; otherwise every page is written, so that the
/// file may be laid over another one (a diff) or be the very file that the memory is mapped from.
pub fn write(memory: &[u8], ranges: &[(usize, usize)], file: &File, holes: bool) -> io::Result<()> {
    if holes {
        for (start, end) in ranges {
            write_range(memory, *start, (*end).min(memory.len()), file, true)?;
        }
    } else {
        write_range(memory, 0, memory.len(), file, false)?;
    }
    file.set_len(memory.len() as u64)
}

fn write_range(memory: &[u8], from: usize, to: usize, file: &File, holes: bool) -> io::Result<()> {
    let zero = [0u8; PAGE];
    let mut start = from;
    let mut offset = from;
    while offset < to {
        let end = (offset + PAGE).min(to);
        let skip = holes && memory[offset..end] == zero[..end - offset];
        if skip || offset - start >= RUN {
            file.write_all_at(&memory[start..offset], start as u64)?;
            start = if skip { end } else { offset };
        }
        offset = end;
    }
    if start < to {
        file.write_all_at(&memory[start..to], start as u64)?;
    }
    Ok(())
}

/// The parts of a file that are not holes.
pub fn data_ranges(file: &File) -> io::Result<Vec<(usize, usize)>> {
    let mut ranges = Vec::new();
    let mut offset: libc::off_t = 0;
    loop {
        // SAFETY: plain system calls on an open file.
        let start = unsafe { libc::lseek(file.as_raw_fd(), offset, libc::SEEK_DATA) };
        if start < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ENXIO) => Ok(ranges),
                _ => Err(error),
            };
        }
        // SAFETY: as above.
        offset = unsafe { libc::lseek(file.as_raw_fd(), start, libc::SEEK_HOLE) };
        if offset < 0 {
            return Err(io::Error::last_os_error());
        }
        ranges.push((start as usize, offset as usize));
    }
}
