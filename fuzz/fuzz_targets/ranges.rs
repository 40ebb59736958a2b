//! `Range` headers. The first eight bytes are the content's size, the rest is the header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_types::RangesSpec;

fuzz_target!(|bytes: &[u8]| {
    let Some((size, header)) = bytes.split_first_chunk::<8>() else { return };
    let size = u64::from_le_bytes(*size);
    let Ok(header) = std::str::from_utf8(header) else { return };
    let Ok(ranges) = header.parse::<RangesSpec>() else { return };
    assert!((1..=RangesSpec::COUNT_MAX).contains(&ranges.specs().len()));
    let resolved = ranges.resolve(size).unwrap_or_default();
    assert!(resolved.len() <= ranges.specs().len());
    for range in resolved {
        assert!(range.first() <= range.last() && range.last() < size);
        assert_eq!(range.size_bytes(), range.last() - range.first() + 1);
    }
});
