//! The loops that are timed: the only unsafe code beside the loading of an engine's library.
//!
//! Arithmetic is independent chains of `x = x * a + b`. A multiply-add takes `latency` cycles and `ports` of them start in each, so
//! `latency * ports` chains keep every port busy: 4 x 2 on x86, 4 x 4 on the widest Arm cores. The kernels have more of them, and as many as registers allow.
//! `a` lies just above -1, so the values change sign each time, keep all their digits and neither grow nor vanish: bits
//! that toggle cost the power that makes wide vectors lower the clock.
//!
//! In 8-bit integers, chains of dot products take the place of multiply-adds ([`integers`]).
//!
//! Memory kernels go by McCalpin's STREAM (Memory bandwidth and machine balance in current high performance computers, IEEE TCCA Newsletter 1995),
//! in single precision and with plain stores: `read` sums up an array, `copy` is `a = b`, `triad` is `a = b + q * c`.
//!
//! What makes vector intrinsics unsafe is a machine without them: [`Supported`] exists only for sets that were detected. What makes loads and stores unsafe
//! is where they point: here always into a [`Line`], which has the size and alignment of the widest vector.

#![expect(
    unsafe_code,
    reason = "vector instructions, and registers that hide values from the optimiser, can't be had otherwise"
)]

mod integers;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;
use std::hint::black_box;
use std::sync::atomic::{Ordering, compiler_fence};

use roofnas_cost::Dtype;

use super::instruction_set::InstructionSet;

#[cfg(target_arch = "x86_64")]
pub(super) use integers::x86::has_tiles;

/// A cache line of single-precision numbers; as wide and as aligned as the widest vector.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [f32; 16]);

/// Bytes of a line.
pub(super) const LINE_BYTES: usize = size_of::<Line>();

/// Lines that one turn of a memory kernel's loop handles; arrays are whole multiples of it, what is left over is not touched.
pub(super) const LINES_PER_TURN: usize = 8;

/// Turns of the arithmetic loop in one pass: some microseconds.
const TURNS_PER_PASS: u64 = 1000;

/// Integer additions that one turn of the cycle counter's loop does.
const ADDS_PER_TURN: u64 = 128;

/// Chains of multiply-adds: 16 vector registers leave room for 12 beside the constants, 32 for 24.
const CHAINS_OF_16: usize = 12;
const CHAINS_OF_32: usize = 24;

const FACTOR: f32 = -0.999_999_94;
const ADDEND: f32 = 1.7;

/// An instruction set that this machine was seen to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Supported(InstructionSet);

impl Supported {
    /// All that this machine has, from narrow to wide; scalar code at least.
    pub(super) fn all() -> Vec<Self> {
        let detected = InstructionSet::ALL.into_iter();
        detected.filter(|set| set.is_detected()).map(Self).collect()
    }

    /// The one with the widest vectors in single precision.
    pub(super) fn widest() -> Self {
        let widest = Self::all()
            .into_iter()
            .filter(|supported| supported.0.dtype() == Dtype::Fp32)
            .max_by_key(|supported| supported.0.lanes());
        widest.unwrap_or(Self(InstructionSet::Scalar))
    }

    /// Which one it is.
    pub(super) const fn set(self) -> InstructionSet {
        self.0
    }

    /// Operations that one pass of [`multiply_add`](Self::multiply_add) does: a multiplication and an addition for each lane of each chain.
    pub(super) fn flops_per_pass(self) -> f64 {
        let lanes = u64::from(self.0.lanes());
        let multiply_adds = match self.0 {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::AmxInt8 => integers::x86::TILE_SUMS * integers::x86::TILE_MULTIPLY_ADDS,
            InstructionSet::Avx512 | InstructionSet::Avx512Vnni | InstructionSet::Neon => {
                lanes * CHAINS_OF_32 as u64
            }
            _ => lanes * CHAINS_OF_16 as u64,
        };
        2.0 * (multiply_adds * TURNS_PER_PASS) as f64
    }

    /// Multiplies and adds in registers.
    pub(super) fn multiply_add(self, passes: u64) {
        let turns = passes.saturating_mul(TURNS_PER_PASS);
        let sum = match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Sse2 => unsafe { sse2::multiply_add(turns) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx2Fma => unsafe { avx2::multiply_add(turns) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx512 => unsafe { avx512::multiply_add(turns) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx2Int8 => unsafe { integers::x86::avx2(turns) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::AvxVnni => unsafe { integers::x86::avx_vnni(turns) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx512Vnni => unsafe { integers::x86::avx512_vnni(turns) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::AmxInt8 => unsafe { integers::x86::amx(turns) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the set was detected
            InstructionSet::Neon => unsafe { neon::multiply_add(turns) },
            _ => scalar::multiply_add(turns),
        };
        black_box(sum);
    }

    /// Reads every number once.
    pub(super) fn read(self, source: &[Line]) {
        let sum = match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Sse2 => unsafe { sse2::read(source) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx2Fma => unsafe { avx2::read(source) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx512 => unsafe { avx512::read(source) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the set was detected
            InstructionSet::Neon => unsafe { neon::read(source) },
            _ => portable::read(source),
        };
        black_box(sum);
    }

    /// Copies every number once.
    pub(super) fn copy(self, target: &mut [Line], source: &[Line]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Sse2 => unsafe { sse2::copy(target, source) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx2Fma => unsafe { avx2::copy(target, source) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx512 => unsafe { avx512::copy(target, source) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the set was detected
            InstructionSet::Neon => unsafe { neon::copy(target, source) },
            _ => portable::copy(target, source),
        }
        black_box(target);
    }

    /// `target = first + factor * second`, every number once.
    pub(super) fn triad(self, target: &mut [Line], first: &[Line], second: &[Line]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Sse2 => unsafe { sse2::triad(target, first, second) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx2Fma => unsafe { avx2::triad(target, first, second) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the set was detected
            InstructionSet::Avx512 => unsafe { avx512::triad(target, first, second) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: the set was detected
            InstructionSet::Neon => unsafe { neon::triad(target, first, second) },
            _ => portable::triad(target, first, second),
        }
        black_box(target);
    }
}

/// Whether [`chain_of_adds`] counts cycles here: an integer addition of two registers takes one cycle on 64-bit x86 and Arm.
pub(super) const COUNTS_CYCLES: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Adds integers, each to the sum before, so that every addition waits for the last. Returns how many: as many cycles went by.
///
/// The addend comes out of a register the compiler knows nothing about, since some cores add small constants for nothing.
pub(super) fn chain_of_adds(turns: u64) -> u64 {
    let step = opaque_integer(1);
    let mut sum = opaque_integer(0);
    for _ in 0..turns {
        // 128 of them, written out: in a loop of its own, unoptimised builds would count the loop instead
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
        sum = eight_adds(eight_adds(sum, step), step);
    }
    black_box(sum);
    turns * ADDS_PER_TURN
}

/// Eight additions, one after the other.
#[inline(always)]
fn eight_adds(mut sum: u64, step: u64) -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: adds one register to another
    unsafe {
        asm!(
            "add {0}, {1}", "add {0}, {1}", "add {0}, {1}", "add {0}, {1}",
            "add {0}, {1}", "add {0}, {1}", "add {0}, {1}", "add {0}, {1}",
            inout(reg) sum, in(reg) step, options(pure, nomem, nostack)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: adds one register to another
    unsafe {
        asm!(
            "add {0}, {0}, {1}", "add {0}, {0}, {1}", "add {0}, {0}, {1}", "add {0}, {0}, {1}",
            "add {0}, {0}, {1}", "add {0}, {0}, {1}", "add {0}, {0}, {1}", "add {0}, {0}, {1}",
            inout(reg) sum, in(reg) step, options(pure, nomem, nostack)
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        sum = sum.wrapping_add(8 * step);
    }
    sum
}

/// The same integer, in a register that the compiler knows nothing about.
#[inline(always)]
fn opaque_integer(value: u64) -> u64 {
    black_box(value)
}

/// The same number, in a register of its own: chains of such numbers can't be packed into a vector. Costs no instruction.
#[inline(always)]
fn opaque_number(value: f32) -> f32 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    let mut value = value;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: holds no instruction, only a comment
    unsafe {
        asm!("/* {0} */", inout(xmm_reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: holds no instruction, only a comment
    unsafe {
        asm!("/* {0:s} */", inout(vreg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

/// One number at a time.
mod scalar {
    use super::{ADDEND, CHAINS_OF_16, FACTOR, Line, black_box, opaque_number};

    pub(super) fn multiply_add(turns: u64) -> Line {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("fma") {
            // SAFETY: the feature was detected
            return unsafe { fused(turns) };
        }
        plain(turns)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "fma")]
    fn fused(turns: u64) -> Line {
        let (factor, addend) = (black_box(FACTOR), black_box(ADDEND));
        let mut chains = starts();
        for _ in 0..turns {
            for chain in &mut chains {
                *chain = opaque_number(chain.mul_add(factor, addend));
            }
        }
        ended(&chains)
    }

    /// Fused on 64-bit Arm, where every machine can; a multiplication and an addition elsewhere, where it may be a call of the library.
    fn plain(turns: u64) -> Line {
        let (factor, addend) = (black_box(FACTOR), black_box(ADDEND));
        let mut chains = starts();
        for _ in 0..turns {
            for chain in &mut chains {
                let next = if cfg!(target_arch = "aarch64") {
                    chain.mul_add(factor, addend)
                } else {
                    *chain * factor + addend
                };
                *chain = opaque_number(next);
            }
        }
        ended(&chains)
    }

    fn ended(chains: &[f32; CHAINS_OF_16]) -> Line {
        let mut line = Line([0.0; 16]);
        line.0[..CHAINS_OF_16].copy_from_slice(chains);
        line
    }

    fn starts() -> [f32; CHAINS_OF_16] {
        std::array::from_fn(|index| 0.1 + 0.07 * index as f32)
    }
}

/// Whatever the compiler makes of plain loops, for machines without any of the vectors here.
mod portable {
    use super::{Line, Ordering, black_box, compiler_fence};

    pub(super) fn read(source: &[Line]) -> Line {
        let mut sums = [0.0_f32; 16];
        for line in source {
            for (sum, number) in sums.iter_mut().zip(&line.0) {
                *sum += number;
            }
        }
        Line(sums)
    }

    pub(super) fn copy(target: &mut [Line], source: &[Line]) {
        for (target, source) in target.iter_mut().zip(source) {
            *target = *source;
            // or the loop becomes a call of the library, which may well store past the caches
            compiler_fence(Ordering::SeqCst);
        }
    }

    pub(super) fn triad(target: &mut [Line], first: &[Line], second: &[Line]) {
        let factor = black_box(1.5_f32);
        for ((target, first), second) in target.iter_mut().zip(first).zip(second) {
            for ((target, first), second) in target.0.iter_mut().zip(&first.0).zip(&second.0) {
                *target = first + factor * second;
            }
        }
    }
}

/// The kernels of one vector instruction set: the same loops around its own instructions.
macro_rules! vector_kernels {
    (
        $module:ident, $architecture:literal, $features:literal, $chains:ident, $vector:ident,
        splat $splat:ident, load $load:ident, store $store:ident, add $add:ident,
        multiply_add($x:ident, $a:ident, $b:ident) $multiply_add:expr
    ) => {
        #[cfg(target_arch = $architecture)]
        mod $module {
            #[cfg(target_arch = "aarch64")]
            use std::arch::aarch64::*;
            #[cfg(target_arch = "x86_64")]
            use std::arch::x86_64::*;

            use super::{
                ADDEND, FACTOR, LINE_BYTES, LINES_PER_TURN, Line, Ordering, black_box,
                compiler_fence, $chains as CHAINS,
            };

            const LANES: usize = size_of::<$vector>() / size_of::<f32>();
            /// Vectors in one turn of a memory kernel's loop.
            const VECTORS: usize = LINES_PER_TURN * LINE_BYTES / size_of::<$vector>();
            /// Sums of a read: an addition takes up to four cycles and two start in each.
            const SUMS: usize = 8;

            #[target_feature(enable = $features)]
            pub(super) fn multiply_add(turns: u64) -> Line {
                let ($a, $b) = ($splat(black_box(FACTOR)), $splat(black_box(ADDEND)));
                let mut chains = [$b; CHAINS];
                for (index, chain) in chains.iter_mut().enumerate() {
                    // chains that begin alike would be one chain
                    *chain = $splat(black_box(0.1 + 0.07 * index as f32));
                }
                for _ in 0..turns {
                    for chain in &mut chains {
                        let $x = *chain;
                        *chain = $multiply_add;
                    }
                }
                total(&chains)
            }

            #[target_feature(enable = $features)]
            pub(super) fn read(source: &[Line]) -> Line {
                let mut sums = [$splat(0.0); SUMS];
                for lines in source.chunks_exact(LINES_PER_TURN) {
                    let source = lines.as_ptr().cast::<f32>();
                    for index in 0..VECTORS {
                        // SAFETY: these vectors fill the lines
                        let vector = unsafe { $load(source.add(index * LANES)) };
                        sums[index % SUMS] = $add(sums[index % SUMS], vector);
                    }
                }
                total(&sums)
            }

            #[target_feature(enable = $features)]
            pub(super) fn copy(target: &mut [Line], source: &[Line]) {
                let target = target.chunks_exact_mut(LINES_PER_TURN);
                for (target, source) in target.zip(source.chunks_exact(LINES_PER_TURN)) {
                    let target = target.as_mut_ptr().cast::<f32>();
                    let source = source.as_ptr().cast::<f32>();
                    for index in 0..VECTORS {
                        // SAFETY: these vectors fill the lines of either
                        unsafe {
                            $store(target.add(index * LANES), $load(source.add(index * LANES)));
                        }
                    }
                    // or the loop becomes a call of the library, which may well store past the caches
                    compiler_fence(Ordering::SeqCst);
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn triad(target: &mut [Line], first: &[Line], second: &[Line]) {
                let $a = $splat(black_box(1.5));
                let sources = first.chunks_exact(LINES_PER_TURN);
                let sources = sources.zip(second.chunks_exact(LINES_PER_TURN));
                let target = target.chunks_exact_mut(LINES_PER_TURN);
                for (target, (first, second)) in target.zip(sources) {
                    let target = target.as_mut_ptr().cast::<f32>();
                    let first = first.as_ptr().cast::<f32>();
                    let second = second.as_ptr().cast::<f32>();
                    for index in 0..VECTORS {
                        // SAFETY: these vectors fill the lines of each
                        unsafe {
                            let $x = $load(second.add(index * LANES));
                            let $b = $load(first.add(index * LANES));
                            $store(target.add(index * LANES), $multiply_add);
                        }
                    }
                }
            }

            /// The sum of vectors, lane by lane: so a short pass has nothing long to wait for at its end.
            #[target_feature(enable = $features)]
            fn total(vectors: &[$vector]) -> Line {
                let mut sum = $splat(0.0);
                for vector in vectors {
                    sum = $add(sum, *vector);
                }
                let mut line = Line([0.0; 16]);
                // SAFETY: a vector is no larger and no more aligned than a line
                unsafe { $store(line.0.as_mut_ptr(), sum) };
                line
            }
        }
    };
}

vector_kernels!(
    sse2, "x86_64", "sse2", CHAINS_OF_16, __m128,
    splat _mm_set1_ps, load _mm_load_ps, store _mm_store_ps, add _mm_add_ps,
    multiply_add(x, a, b) _mm_add_ps(_mm_mul_ps(x, a), b)
);
vector_kernels!(
    avx2, "x86_64", "avx2,fma", CHAINS_OF_16, __m256,
    splat _mm256_set1_ps, load _mm256_load_ps, store _mm256_store_ps, add _mm256_add_ps,
    multiply_add(x, a, b) _mm256_fmadd_ps(x, a, b)
);
vector_kernels!(
    avx512, "x86_64", "avx512f", CHAINS_OF_32, __m512,
    splat _mm512_set1_ps, load _mm512_load_ps, store _mm512_store_ps, add _mm512_add_ps,
    multiply_add(x, a, b) _mm512_fmadd_ps(x, a, b)
);
vector_kernels!(
    neon, "aarch64", "neon", CHAINS_OF_32, float32x4_t,
    splat vdupq_n_f32, load vld1q_f32, store vst1q_f32, add vaddq_f32,
    multiply_add(x, a, b) vfmaq_f32(b, x, a)
);

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize, value: f32) -> Vec<Line> {
        (0..count)
            .map(|line| Line([value + line as f32; 16]))
            .collect()
    }

    /// Every set's memory kernels do what they say, to every number.
    #[test]
    fn kernels_compute() {
        for supported in Supported::all() {
            let (first, second) = (lines(16, 1.0), lines(16, 100.0));
            let mut target = lines(16, 0.0);
            supported.copy(&mut target, &first);
            for (target, first) in target.iter().zip(&first) {
                assert_eq!(target.0, first.0, "{supported:?}");
            }
            supported.triad(&mut target, &first, &second);
            for ((target, first), second) in target.iter().zip(&first).zip(&second) {
                let expected = first.0[0] + 1.5 * second.0[0];
                assert_eq!(target.0, [expected; 16], "{supported:?}");
            }
            supported.read(&first);
            supported.multiply_add(1);
        }
    }

    /// Sums of the portable loop and of every vector set are equal: small whole numbers add up exactly in any order.
    #[test]
    fn reads_read_everything() {
        let source = lines(24, 1.0);
        let expected = 16.0 * (1..=24).sum::<i32>() as f32;
        let sum = |line: Line| line.0.iter().sum::<f32>();
        assert_eq!(sum(portable::read(&source)), expected);
        #[cfg(target_arch = "x86_64")]
        for supported in Supported::all() {
            // SAFETY: the set was detected
            let line = unsafe {
                match supported.set() {
                    InstructionSet::Sse2 => sse2::read(&source),
                    InstructionSet::Avx2Fma => avx2::read(&source),
                    InstructionSet::Avx512 => avx512::read(&source),
                    _ => portable::read(&source),
                }
            };
            assert_eq!(sum(line), expected, "{supported:?}");
        }
    }

    #[test]
    fn the_chain_counts_what_it_adds() {
        assert_eq!(chain_of_adds(10), 1280);
        assert_eq!(eight_adds(5, 3), 29);
    }

    #[test]
    fn flops_of_a_pass() {
        let of = |set| Supported(set).flops_per_pass();
        assert_eq!(of(InstructionSet::Scalar), 24_000.0);
        assert_eq!(of(InstructionSet::Avx2Fma), 192_000.0);
        assert_eq!(of(InstructionSet::Avx512), 768_000.0);
        assert_eq!(of(InstructionSet::Neon), 192_000.0);
        assert_eq!(of(InstructionSet::Avx512Vnni), 3_072_000.0);
    }
}
