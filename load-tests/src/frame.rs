//! Where the frames of a WebSocket server begin and end, for programs that look at the bytes themselves.

use anyhow::{Result, ensure};

/// Set in the second byte of a frame that is masked, as those of clients are.
const MASKED: u8 = 0x80;

/// Lengths of header and payload of the frame at the start of `buffer`, once its header is there. A masked one is an error:
/// servers do not mask.
pub fn header(buffer: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(short) = buffer.get(1) else { return Ok(None) };
    ensure!(short & MASKED == 0, "the server masks its frames");
    Ok(match short {
        126 => buffer.get(2..4).map(|long| (4, usize::from(u16::from_be_bytes([long[0], long[1]])))),
        127 => {
            let long: Option<[u8; 8]> = buffer.get(2..10).and_then(|long| long.try_into().ok());
            long.map(|long| usize::try_from(u64::from_be_bytes(long)).map(|length| (10, length))).transpose()?
        }
        short => Some((2, usize::from(*short))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_how_long_it_and_its_payload_are() {
        let long = [&[0x81, 127][..], &70_000_u64.to_be_bytes()].concat();
        for (bytes, lengths) in [
            (&[0x81][..], None),
            (&[0x81, 5], Some((2, 5))),
            (&[0x81, 126, 1], None),
            (&[0x81, 126, 1, 2], Some((4, 258))),
            (&long[..9], None),
            (&long, Some((10, 70_000))),
        ] {
            assert_eq!(header(bytes).unwrap(), lengths, "{bytes:x?}");
        }
        assert!(header(&[0x81, 0x85]).is_err());
    }
}
