//! Packs elements of the torus into one string of bits.

/// Packs the `bits` most significant bits of each element, one element after the other. The last byte is
/// filled up with zeros.
pub(super) fn pack(elements: &[u64], bits: u32) -> Vec<u8> {
    // eight elements have `bits` bytes, which is never more than the elements themselves have
    let mut bytes = Vec::with_capacity(elements.len().div_ceil(8) * bits as usize);
    let (mut pending, mut count) = (0u128, 0);
    for element in elements {
        pending = pending << bits | u128::from(element >> (64 - bits));
        count += bits;
        while count >= 8 {
            count -= 8;
            bytes.push((pending >> count) as u8);
        }
    }
    if count > 0 {
        bytes.push((pending << (8 - count)) as u8);
    }
    bytes
}

/// Unpacks the first `count` elements of a string that holds at least that many. Their lower bits are 0.
pub(super) fn unpack(bytes: &[u8], count: usize, bits: u32) -> Vec<u64> {
    let mut bytes = bytes.iter();
    let (mut pending, mut have) = (0u128, 0);
    let mut element = || {
        while have < bits {
            pending = pending << 8 | u128::from(*bytes.next().unwrap_or(&0));
            have += 8;
        }
        have -= bits;
        ((pending >> have) as u64) << (64 - bits)
    };
    (0..count).map(|_| element()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back() {
        for bits in 1..=64 {
            let mask = u64::MAX << (64 - bits);
            let elements = [
                0x0123_4567_89ab_cdef,
                u64::MAX,
                0,
                1 << 63,
                0xfedc_ba98_7654_3210,
            ];
            let elements = elements.map(|x: u64| x & mask);
            let bytes = pack(&elements, bits);
            assert_eq!(bytes.len(), (5 * bits as usize).div_ceil(8));
            assert_eq!(unpack(&bytes, 5, bits), elements);
        }
    }
}
