//! Dot products of 8-bit integers, what kernels for int8 are made of: unsigned bytes times signed ones, added up in 32 bits.
//!
//! Each of them waits for the sum before it, as the multiply-adds in single precision do. Arm's dot products are not here: their intrinsics are not
//! stable yet.

#[cfg(target_arch = "x86_64")]
pub(in crate::probe) mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::*;

    use super::super::{CHAINS_OF_16, CHAINS_OF_32, Line, black_box};

    /// Bytes that toggle most bits from one to the next.
    const UNSIGNED: i8 = 0x5b;
    const SIGNED: i8 = -77;

    /// Two multiplications and an addition for 32 products: what processors without instructions of their own for it do.
    #[target_feature(enable = "avx2")]
    pub(in crate::probe) fn avx2(turns: u64) -> Line {
        let signed = _mm256_set1_epi8(black_box(SIGNED));
        let ones = _mm256_set1_epi16(black_box(1));
        let mut chains = starts(|start| _mm256_set1_epi32(start));
        for _ in 0..turns {
            for chain in &mut chains {
                // of the sum's own bytes: a product of constants would be formed once
                let pairs = _mm256_maddubs_epi16(*chain, signed);
                *chain = _mm256_add_epi32(*chain, _mm256_madd_epi16(pairs, ones));
            }
        }
        total(chains)
    }

    #[target_feature(enable = "avx2,avxvnni")]
    pub(in crate::probe) fn avx_vnni(turns: u64) -> Line {
        let unsigned = _mm256_set1_epi8(black_box(UNSIGNED));
        let signed = _mm256_set1_epi8(black_box(SIGNED));
        let mut chains = starts(|start| _mm256_set1_epi32(start));
        for _ in 0..turns {
            for chain in &mut chains {
                *chain = _mm256_dpbusd_avx_epi32(*chain, unsigned, signed);
            }
        }
        total(chains)
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(in crate::probe) fn avx512_vnni(turns: u64) -> Line {
        let unsigned = _mm512_set1_epi8(black_box(UNSIGNED));
        let signed = _mm512_set1_epi8(black_box(SIGNED));
        let mut chains: [__m512i; CHAINS_OF_32] =
            std::array::from_fn(|index| _mm512_set1_epi32(black_box(index as i32)));
        for _ in 0..turns {
            for chain in &mut chains {
                *chain = _mm512_dpbusd_epi32(*chain, unsigned, signed);
            }
        }
        let mut total = _mm512_setzero_si512();
        for chain in chains {
            total = _mm512_add_epi32(total, chain);
        }
        let mut line = Line([0.0; 16]);
        // SAFETY: a vector has the size and the alignment of a line
        unsafe { _mm512_store_si512((&raw mut line).cast(), total) };
        line
    }

    /// The sum of vectors, lane by lane.
    #[target_feature(enable = "avx2")]
    fn total(chains: [__m256i; CHAINS_OF_16]) -> Line {
        let mut sum = _mm256_setzero_si256();
        for chain in chains {
            sum = _mm256_add_epi32(sum, chain);
        }
        let mut line = Line([0.0; 16]);
        // SAFETY: a vector is no larger and no more aligned than a line
        unsafe { _mm256_store_si256((&raw mut line).cast(), sum) };
        line
    }

    /// Sums that begin differently: chains that begin alike would be one chain.
    fn starts(splat: impl Fn(i32) -> __m256i) -> [__m256i; CHAINS_OF_16] {
        std::array::from_fn(|index| splat(black_box(index as i32)))
    }

    /// Rows of a tile, and bytes of a row.
    const ROWS: usize = 16;
    const ROW_BYTES: usize = 64;

    /// Sums of one turn: a product of tiles takes up to 52 cycles, and one starts every 16.
    pub(in crate::probe) const TILE_SUMS: u64 = 4;
    /// Multiply-adds of one product of tiles: 16 x 16 sums of 64 products.
    pub(in crate::probe) const TILE_MULTIPLY_ADDS: u64 = (ROWS * ROWS * ROW_BYTES) as u64;

    #[repr(align(64))]
    struct Tile([u8; ROWS * ROW_BYTES]);

    /// How tiles are laid out (Intel's manual, LDTILECFG): palette 1, and all eight with 16 rows of 64 bytes.
    #[repr(align(64))]
    struct Configuration([u8; 64]);

    impl Configuration {
        fn full() -> Self {
            let mut bytes = [0; 64];
            bytes[0] = 1;
            for tile in 0..8 {
                // 16 bits each
                bytes[16 + 2 * tile] = ROW_BYTES as u8;
                bytes[48 + tile] = ROWS as u8;
            }
            Self(bytes)
        }
    }

    /// Products of matrices, tile by tile. Intrinsics for it are not stable yet.
    ///
    /// # Safety
    /// The processor and the system have tiles, and the process may use them: [`has_tiles`] said so.
    pub(in crate::probe) unsafe fn amx(turns: u64) -> Line {
        let configuration = Configuration::full();
        let left = Tile([UNSIGNED.cast_unsigned(); ROWS * ROW_BYTES]);
        let right = Tile([SIGNED.cast_unsigned(); ROWS * ROW_BYTES]);
        let mut sums = Tile([0; ROWS * ROW_BYTES]);
        // SAFETY: the caller's; tiles are loaded from and stored to memory of their size, nothing else uses tile registers, and they are given back
        unsafe {
            asm!(
                "ldtilecfg [{configuration}]",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "tileloadd tmm4, [{left} + {stride}*1]",
                "tileloadd tmm5, [{left} + {stride}*1]",
                "tileloadd tmm6, [{right} + {stride}*1]",
                "tileloadd tmm7, [{right} + {stride}*1]",
                "test {turns}, {turns}",
                "jz 3f",
                "2:",
                "tdpbusd tmm0, tmm4, tmm6",
                "tdpbusd tmm1, tmm4, tmm7",
                "tdpbusd tmm2, tmm5, tmm6",
                "tdpbusd tmm3, tmm5, tmm7",
                "dec {turns}",
                "jnz 2b",
                "3:",
                "tilestored [{sums} + {stride}*1], tmm0",
                "tilerelease",
                configuration = in(reg) configuration.0.as_ptr(),
                left = in(reg) left.0.as_ptr(),
                right = in(reg) right.0.as_ptr(),
                sums = in(reg) sums.0.as_mut_ptr(),
                stride = in(reg) ROW_BYTES,
                turns = inout(reg) turns => _,
                options(nostack)
            );
        }
        let mut line = Line([0.0; 16]);
        for (number, bytes) in line.0.iter_mut().zip(sums.0.as_chunks().0) {
            *number = i32::from_le_bytes(*bytes) as f32;
        }
        line
    }

    /// Whether the processor multiplies tiles of bytes, and the system lets this process do it. Linux asks to be asked.
    #[cfg(target_os = "linux")]
    pub(in crate::probe) fn has_tiles() -> bool {
        use std::sync::OnceLock;

        static HAS: OnceLock<bool> = OnceLock::new();
        *HAS.get_or_init(|| is_there() && is_enabled() && is_granted())
    }

    #[cfg(not(target_os = "linux"))]
    pub(in crate::probe) fn has_tiles() -> bool {
        false
    }

    /// CPUID leaf 7: AMX-TILE and AMX-INT8.
    #[cfg(target_os = "linux")]
    fn is_there() -> bool {
        let (most, _) = __get_cpuid_max(0);
        most >= 7 && {
            let found = __cpuid_count(7, 0);
            let bits = 1 << 24 | 1 << 25;
            found.edx & bits == bits
        }
    }

    /// Whether the system saves tiles: XCR0, bits 17 and 18.
    #[cfg(target_os = "linux")]
    fn is_enabled() -> bool {
        const TILES: u64 = 1 << 17 | 1 << 18;
        // SAFETY: the feature was detected
        is_x86_feature_detected!("xsave") && unsafe { _xgetbv(0) } & TILES == TILES
    }

    /// Asks for the registers' state to be saved (arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA).
    #[cfg(target_os = "linux")]
    fn is_granted() -> bool {
        const ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
        const XTILEDATA: u64 = 18;
        let answer: i64;
        // SAFETY: this call of the system takes two numbers and changes nothing else
        unsafe {
            asm!(
                "syscall",
                inout("rax") ARCH_PRCTL => answer,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") XTILEDATA,
                out("rcx") _,
                out("r11") _,
                options(nostack)
            );
        }
        answer == 0
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// 64 products of 91 and -77 in each turn.
        #[test]
        fn tiles_multiply() {
            if !has_tiles() {
                eprintln!("SKIPPED: this processor has no tiles");
                return;
            }
            // SAFETY: they are there
            let of = |turns| unsafe { amx(turns) };
            assert_eq!(of(0).0, [0.0; 16]);
            assert_eq!(of(3).0, [(3 * 64 * 91 * -77) as f32; 16]);
        }

        #[test]
        fn vectors_multiply() {
            if is_x86_feature_detected!("avx512vnni") {
                // SAFETY: the feature was detected
                let line = unsafe { avx512_vnni(2) };
                // in each lane four products a turn, in 24 chains that begin with their number
                let expected = 24 * 2 * 4 * 91 * -77 + (0..24).sum::<i32>();
                assert_eq!(line.0.map(|x| x.to_bits().cast_signed()), [expected; 16]);
            }
            if is_x86_feature_detected!("avxvnni") {
                // SAFETY: the feature was detected
                let line = unsafe { avx_vnni(2) };
                let expected = 12 * 2 * 4 * 91 * -77 + (0..12).sum::<i32>();
                assert_eq!(line.0[0].to_bits().cast_signed(), expected);
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was detected
                let line = unsafe { avx2(1) };
                // the lowest byte of a chain is its number
                let expected = (0..12).map(|start: i32| start - 77 * start).sum::<i32>();
                assert_eq!(line.0[0].to_bits().cast_signed(), expected);
            }
        }
    }
}
