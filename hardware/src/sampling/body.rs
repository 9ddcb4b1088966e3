//! Networks put together operator by operator.

use roofnas_space::{
    Activation, Conv, Network, NetworkBuilder, NetworkError, Op, Other, Pool, PoolKind, Role,
    Shape, Tensor,
};

/// A network under construction. Layers are called after their operators.
pub(super) struct Body {
    builder: NetworkBuilder,
    layers: usize,
}

impl Body {
    pub(super) fn new(name: &str, input: Shape) -> Self {
        Self {
            builder: NetworkBuilder::new(name, input),
            layers: 0,
        }
    }

    pub(super) fn shape(&self, x: Tensor) -> Shape {
        self.builder.shape(x)
    }

    pub(super) fn channels(&self, x: Tensor) -> usize {
        self.shape(x).channels
    }

    pub(super) fn op(&mut self, op: Op, inputs: &[Tensor]) -> Tensor {
        self.layers += 1;
        let name = format!("{}{}", op.name(), self.layers);
        self.builder.push(name, op, inputs, Role::Main)
    }

    /// A convolution with its batch-norm.
    pub(super) fn conv(&mut self, conv: Conv, x: Tensor) -> Tensor {
        let x = self.op(Op::Conv(conv), &[x]);
        self.op(Op::BatchNorm, &[x])
    }

    /// A convolution with its batch-norm and an activation.
    pub(super) fn conv_act(&mut self, conv: Conv, act: Activation, x: Tensor) -> Tensor {
        let x = self.conv(conv, x);
        self.act(act, x)
    }

    pub(super) fn act(&mut self, act: Activation, x: Tensor) -> Tensor {
        self.op(Op::Activation(act), &[x])
    }

    pub(super) fn pointwise(&mut self, channels: usize, act: Activation, x: Tensor) -> Tensor {
        self.conv_act(Conv::pointwise(channels), act, x)
    }

    pub(super) fn depthwise(&mut self, kernel: usize, stride: usize, x: Tensor) -> Conv {
        let channels = self.channels(x);
        Conv::same(channels, kernel, stride).grouped(channels)
    }

    pub(super) fn add(&mut self, x: Tensor, y: Tensor) -> Tensor {
        self.op(Op::Add, &[x, y])
    }

    pub(super) fn concat(&mut self, parts: &[Tensor]) -> Tensor {
        self.op(Op::Concat, parts)
    }

    pub(super) fn other(&mut self, make: impl Fn(Shape) -> Other, x: Tensor) -> Tensor {
        let other = make(self.shape(x));
        self.op(Op::Other(other), &[x])
    }

    /// The first channels of a feature map, and the rest.
    pub(super) fn split(&mut self, first: usize, x: Tensor) -> [Tensor; 2] {
        let rest = self.channels(x).saturating_sub(first);
        [first, rest].map(|part| self.other(|shape| Other::channel_slice(shape, part), x))
    }

    /// Pooling that keeps the size at stride 1 and halves it at stride 2, for odd windows and for 2x2 at stride 2.
    pub(super) fn pool(
        &mut self,
        kind: PoolKind,
        kernel: usize,
        stride: usize,
        x: Tensor,
    ) -> Tensor {
        let pool = Pool {
            kind,
            kernel,
            stride,
            padding: (kernel - 1) / 2,
        };
        self.op(Op::Pool(pool), &[x])
    }

    pub(super) fn linear(&mut self, out_features: usize, x: Tensor) -> Tensor {
        let bias = true;
        self.op(Op::Linear { out_features, bias }, &[x])
    }

    pub(super) fn finish(mut self, name: &str, x: Tensor) -> Result<Network, NetworkError> {
        self.builder.output(name, x);
        self.builder.finish()
    }
}
