//! Timings of nodes.

/// What a node of an engine's own graph takes. That graph is the engine's: nodes are fused, added (layout reorders) and renamed
/// (ONNX Runtime appends `_nchwc`, say).
#[derive(Debug, Clone, PartialEq)]
pub struct NodeTiming {
    /// Its name in the engine's graph.
    pub name: String,
    /// Its operator there.
    pub op_type: String,
    /// What executes it, where the engine says: `CPUExecutionProvider`, for example.
    pub provider: Option<String>,
    /// Time per run, in seconds: what it typically is, interruptions left out where the engine reports single runs.
    pub seconds: f64,
}
