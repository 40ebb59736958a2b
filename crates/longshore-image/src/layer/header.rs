//! Headers of tar archives: POSIX.1-2017, "ustar Interchange Format", and GNU tar's own.

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// What a block says of the member that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) modified: i64,
    /// Of a sparse file in GNU's old form: its real size, and whether more blocks of its map follow.
    pub(super) sparse: Option<(u64, bool)>,
}

impl Header {
    /// Reads a block; none where it is all zeros.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Option<Self>, &'static str> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        check_sum(block)?;
        let kind = block[156];
        let size = u64::try_from(number(&block[124..136])?).map_err(|_| "a size is negative")?;
        let id = |field: &[u8]| -> Result<u64, &'static str> {
            // Ids that don't fit are no reason to show nothing.
            Ok(u64::try_from(number(field)?).unwrap_or(0))
        };
        let sparse = match kind {
            b'S' => {
                let real = u64::try_from(number(&block[483..495])?).map_err(|_| "a size is negative")?;
                Some((real, block[482] != 0))
            }
            _ => None,
        };
        Ok(Some(Self {
            name: name(block),
            link: text(&block[157..257]).to_vec(),
            kind,
            mode: (number(&block[100..108])? & 0o7777) as u32,
            uid: id(&block[108..116])?,
            gid: id(&block[116..124])?,
            size,
            modified: number(&block[136..148])?,
            sparse,
        }))
    }
}

/// Up to the first zero.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn name(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = text(&block[0..100]);
    // GNU tar ends its mark with blanks and keeps other things where others have the prefix.
    let prefix = match (&block[257..263], &block[508..512]) {
        (b"ustar\0", b"tar\0") => text(&block[345..476]),
        (b"ustar\0", _) => text(&block[345..500]),
        _ => &[],
    };
    match prefix {
        [] => name.to_vec(),
        prefix => [prefix, b"/", name].concat(),
    }
}

/// Octal digits, or bytes with the highest bit set for what is larger: GNU tar, "Extending the Archive".
fn number(field: &[u8]) -> Result<i64, &'static str> {
    if let [first @ 0x80..=0xff, rest @ ..] = field {
        let negative = first & 0x40 != 0;
        let mut value = i128::from(first & 0x3f) - if negative { 0x40 } else { 0 };
        for byte in rest {
            value = value.checked_mul(256).ok_or("a number is too large")? + i128::from(*byte);
        }
        return i64::try_from(value).map_err(|_| "a number is too large");
    }
    let digits = text(field).trim_ascii();
    let mut value = 0i64;
    for digit in digits {
        match digit {
            b'0'..=b'7' => value = value << 3 | i64::from(digit - b'0'),
            _ => return Err("a number is none"),
        }
    }
    Ok(value)
}

fn check_sum(block: &[u8; BLOCK]) -> Result<(), &'static str> {
    let wanted = number(&block[148..156]).map_err(|_| "there is no header where one must be")?;
    let (mut sum, mut signed) = (0i64, 0i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        sum += i64::from(byte);
        // Some old programs added signed bytes.
        signed += i64::from(byte.cast_signed());
    }
    match wanted == sum || wanted == signed {
        true => Ok(()),
        false => Err("there is no header where one must be"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_larger() {
        let check = |field: &[u8], wanted: Result<i64, &str>| assert_eq!(number(field), wanted, "{field:?}");
        check(b"0000644\0", Ok(0o644));
        check(b"   644 \0", Ok(0o644));
        check(b"\0\0\0\0", Ok(0));
        check(b"77777777777\0", Ok(0o77777777777));
        check(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0], Ok(2 << 32));
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], Ok(-2));
        check(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Err("a number is too large"));
        check(b"9", Err("a number is none"));
        check(b"-1", Err("a number is none"));
    }
}
