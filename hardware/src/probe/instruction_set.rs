//! The instruction sets whose arithmetic is measured.

use std::fmt;

use roofnas_cost::Dtype;
use serde::{Deserialize, Serialize};

#[cfg(target_arch = "x86_64")]
use super::kernels::has_tiles;

/// A set of instructions that multiplies and adds, in single precision or 8-bit integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstructionSet {
    /// One number at a time; fused multiply-add where the machine has it.
    Scalar,
    /// x86-64's baseline: 128-bit vectors, multiply and add apart.
    Sse2,
    /// 256-bit vectors with fused multiply-add.
    Avx2Fma,
    /// 512-bit vectors with fused multiply-add (AVX-512F).
    Avx512,
    /// 128-bit vectors with fused multiply-add, 64-bit Arm's baseline.
    Neon,
    /// 256-bit vectors of bytes, multiplied and added up in three instructions.
    Avx2Int8,
    /// 256-bit vectors of bytes with dot products (AVX-VNNI).
    AvxVnni,
    /// 512-bit vectors of bytes with dot products (AVX-512 VNNI).
    Avx512Vnni,
    /// Tiles of bytes with products of matrices (AMX-INT8).
    AmxInt8,
}

impl InstructionSet {
    /// Every set, from narrow to wide within an architecture and a number format.
    pub const ALL: [Self; 9] = [
        Self::Scalar,
        Self::Sse2,
        Self::Avx2Fma,
        Self::Avx512,
        Self::Neon,
        Self::Avx2Int8,
        Self::AvxVnni,
        Self::Avx512Vnni,
        Self::AmxInt8,
    ];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse2 => "SSE2",
            Self::Avx2Fma => "AVX2/FMA",
            Self::Avx512 => "AVX-512",
            Self::Neon => "NEON",
            Self::Avx2Int8 => "AVX2",
            Self::AvxVnni => "AVX-VNNI",
            Self::Avx512Vnni => "AVX-512 VNNI",
            Self::AmxInt8 => "AMX",
        }
    }

    /// The name in JSON and CSV.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Sse2 => "sse2",
            Self::Avx2Fma => "avx2_fma",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
            Self::Avx2Int8 => "avx2_int8",
            Self::AvxVnni => "avx_vnni",
            Self::Avx512Vnni => "avx512_vnni",
            Self::AmxInt8 => "amx_int8",
        }
    }

    /// The number format that it computes in.
    pub const fn dtype(self) -> Dtype {
        match self {
            Self::Scalar | Self::Sse2 | Self::Avx2Fma | Self::Avx512 | Self::Neon => Dtype::Fp32,
            Self::Avx2Int8 | Self::AvxVnni | Self::Avx512Vnni | Self::AmxInt8 => Dtype::Int8,
        }
    }

    /// Multiply-adds in a cycle of what counts as a unit: numbers in one vector, for bytes in AVX2 those of two ports, which share three instructions; of tiles, a
    /// product of 16384 takes 16 cycles.
    pub const fn lanes(self) -> u32 {
        match self {
            Self::Scalar => 1,
            Self::Sse2 | Self::Neon => 4,
            Self::Avx2Fma => 8,
            Self::Avx512 => 16,
            Self::Avx2Int8 | Self::AvxVnni => 32,
            Self::Avx512Vnni => 64,
            Self::AmxInt8 => 1024,
        }
    }

    /// Whether this machine has it. Vectors are only looked for on 64-bit x86 and Arm.
    pub fn is_detected(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Sse2 => is_x86_feature_detected!("sse2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Fma => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Int8 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "x86_64")]
            Self::AmxInt8 => has_tiles(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            _ => false,
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_use_the_key() {
        for set in InstructionSet::ALL {
            let json = serde_json::to_string(&set).unwrap();
            assert_eq!(json, format!("\"{}\"", set.key()));
        }
    }

    #[test]
    fn no_machine_is_of_two_architectures() {
        let both = [InstructionSet::Sse2, InstructionSet::Neon];
        assert!(!both.into_iter().all(InstructionSet::is_detected));
        assert!(InstructionSet::Scalar.is_detected());
    }
}
