//! What each kind of corner is made of. Every block keeps the shape of what it is given.

use roofnas_space::{
    Activation, Conv, ConvTranspose, Interpolation, MatMul, Op, Other, PoolKind, Shape, Tensor,
};

use super::balanced::Balanced;
use super::body::Body;
use super::corner::Corner;

/// Multiply-accumulate operations of one dense convolution, at most: as those of a ResNet have.
const MOST_MACS: f64 = 6e7;

/// Those of a linear layer over tokens, at most: as a ConvNeXt has.
const MOST_TOKEN_MACS: f64 = 1.2e8;

/// Numbers that channels are multiples of, and of nothing larger: on and off the widths of vectors and tiles.
const QUANTA: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// Writes blocks, with their free choices drawn.
pub(super) struct Blocks<'a> {
    pub(super) body: &'a mut Body,
    pub(super) draws: &'a mut Balanced,
}

impl Blocks<'_> {
    pub(super) fn block(&mut self, corner: Corner, x: Tensor) -> Tensor {
        match corner {
            Corner::Dense => self.dense(x),
            Corner::Pointwise => self.pointwise(x),
            Corner::Depthwise => self.depthwise(x),
            Corner::Grouped => self.grouped(x),
            Corner::Shuffle => self.shuffle(x),
            Corner::Split => self.split(x),
            Corner::Concat => self.concat(x),
            Corner::SqueezeExcite => self.squeeze_excite(x),
            Corner::Pool => self.pool(x),
            Corner::Unfused => self.unfused(x),
            Corner::Residual => self.residual(x),
            Corner::Decoder => self.decoder(x),
            Corner::Attention => self.attention(x),
            Corner::Norm => self.norm(x),
            Corner::Tokens => self.tokens(x),
            Corner::LocalNorm => self.local_norm(x),
        }
    }

    /// An activation behind a convolution.
    pub(super) fn fused_activation(&mut self) -> Activation {
        self.draws.pick("fused activation", &Activation::ALL)
    }

    /// A number of channels near one from this range, a multiple of one quantum and of none above.
    pub(super) fn width(&mut self, attribute: &'static str, low: usize, high: usize) -> usize {
        let near = self.draws.between(attribute, low as f64, high as f64);
        let quantum = self.draws.pick("quantum", &QUANTA);
        let odd = (near / (2 * quantum) as f64).round() as usize;
        // an odd multiple: the next larger quantum doesn't divide it
        (quantum * (2 * odd).saturating_sub(1)).max(quantum)
    }

    /// Channels of a dense convolution between two 1x1: those of `x`, or what keeps the work down.
    fn inner(&self, area: usize, x: Tensor) -> usize {
        let shape = self.body.shape(x);
        let square = MOST_MACS / (shape.positions() as f64 * area as f64);
        shape.channels.min(square.sqrt() as usize).max(3)
    }

    fn dense(&mut self, x: Tensor) -> Tensor {
        const KERNELS: [&[Conv]; 5] = [
            &[Conv::same(1, 3, 1)],
            &[Conv::same(1, 5, 1)],
            &[Conv::same(1, 7, 1)],
            &[Conv {
                dilation: [2, 2],
                padding: [2, 2],
                ..Conv::same(1, 3, 1)
            }],
            &[
                Conv {
                    kernel: [1, 7],
                    padding: [0, 3],
                    ..Conv::same(1, 1, 1)
                },
                Conv {
                    kernel: [7, 1],
                    padding: [3, 0],
                    ..Conv::same(1, 1, 1)
                },
            ],
        ];
        let convs = self.draws.pick("dense kernel", &KERNELS);
        let act = self.fused_activation();
        let channels = self.body.channels(x);
        let inner = self.inner(convs[0].kernel_area(), x);
        let mut y = x;
        if inner < channels {
            y = self.body.pointwise(inner, act, y);
        }
        for conv in convs {
            let out_channels = inner;
            y = self.body.conv_act(
                Conv {
                    out_channels,
                    ..*conv
                },
                act,
                y,
            );
        }
        if inner < channels {
            y = self.body.pointwise(channels, act, y);
        }
        y
    }

    fn pointwise(&mut self, x: Tensor) -> Tensor {
        let shape = self.body.shape(x);
        let most = MOST_MACS / (shape.positions() * shape.channels as u64) as f64;
        let widest = (4 * shape.channels).min(most as usize).max(16);
        let wide = self.width("pointwise width", 8, widest);
        let narrow = self.width("pointwise width", 8, shape.channels.max(16));
        let act = self.fused_activation();
        let y = self.body.pointwise(wide, act, x);
        let y = self.body.pointwise(narrow, act, y);
        self.body.pointwise(shape.channels, act, y)
    }

    fn depthwise(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let hidden = self.width("depthwise width", channels, 4 * channels);
        let kernel = self.draws.pick("depthwise kernel", &[3, 5, 7]);
        let act = self.fused_activation();
        let y = self.body.pointwise(hidden, act, x);
        let depthwise = self.body.depthwise(kernel, 1, y);
        let y = self.body.conv_act(depthwise, act, y);
        let y = self.body.conv(Conv::pointwise(channels), y);
        self.body.add(y, x)
    }

    fn grouped(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let width = self.draws.pick("group width", &[2, 3, 4, 8, 16]);
        let groups = (channels / width).max(2);
        let kernel = self.draws.pick("grouped kernel", &[3, 3, 5]);
        let act = self.fused_activation();
        let y = self.body.pointwise(groups * width, act, x);
        let grouped = Conv::same(groups * width, kernel, 1).grouped(groups);
        let y = self.body.conv_act(grouped, act, y);
        let y = self.body.conv(Conv::pointwise(channels), y);
        self.body.add(y, x)
    }

    fn shuffle(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let groups = self.draws.pick("shuffle groups", &[2, 3, 4, 8]);
        let outer = channels.next_multiple_of(groups);
        let hidden = (channels / 2).next_multiple_of(groups);
        let act = self.fused_activation();
        let grouped = |channels| Conv::pointwise(channels).grouped(groups);
        let x = if outer == channels {
            x
        } else {
            self.body.pointwise(outer, act, x)
        };
        let y = self.body.conv_act(grouped(hidden), act, x);
        let y = self.body.op(Op::ChannelShuffle { groups }, &[y]);
        let depthwise = self.body.depthwise(3, 1, y);
        let y = self.body.conv(depthwise, y);
        let y = self.body.conv(grouped(outer), y);
        let y = self.body.add(y, x);
        if outer == channels {
            y
        } else {
            self.body.conv(Conv::pointwise(channels), y)
        }
    }

    fn split(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let first = self.draws.pick("split share", &[2, 2, 4]);
        let first = (channels / first).max(1);
        let act = self.fused_activation();
        let [kept, worked] = self.body.split(first, x);
        let part = self.body.channels(worked);
        let y = match self.draws.pick("split form", &["csp", "shuffle"]) {
            "csp" => {
                let inner = self.inner(9, worked);
                let y = self.body.pointwise(inner, act, worked);
                let y = self.body.conv_act(Conv::same(inner, 3, 1), act, y);
                self.body.pointwise(part, act, y)
            }
            _ => {
                let y = self.body.pointwise(part, act, worked);
                let depthwise = self.body.depthwise(3, 1, y);
                let y = self.body.conv(depthwise, y);
                self.body.pointwise(part, act, y)
            }
        };
        let y = self.body.concat(&[kept, y]);
        if channels.is_multiple_of(2) {
            self.body.op(Op::ChannelShuffle { groups: 2 }, &[y])
        } else {
            self.body.conv_act(Conv::pointwise(channels), act, y)
        }
    }

    fn concat(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let growth = self.width("growth", 8, 32);
        let act = self.fused_activation();
        let mut parts = vec![x];
        let mut all = x;
        for _ in 0..3 {
            let y = self.body.pointwise(2 * growth, act, all);
            let y = self.body.conv_act(Conv::same(growth, 3, 1), act, y);
            parts.push(y);
            all = self.body.concat(&parts);
        }
        self.body.pointwise(channels, act, all)
    }

    fn squeeze_excite(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let ratio = self.draws.pick("squeeze ratio", &[4, 8, 16]);
        let gates = [Activation::Sigmoid, Activation::HardSigmoid];
        let gate = self.draws.pick("gate", &gates);
        let act = self.fused_activation();
        let depthwise = self.body.depthwise(3, 1, x);
        let x = self.body.conv_act(depthwise, act, x);
        let squeezed = Conv::pointwise((channels / ratio).max(4)).with_bias();
        let y = self.body.op(Op::GlobalAvgPool, &[x]);
        let y = self.body.op(Op::Conv(squeezed), &[y]);
        let y = self.body.act(Activation::Relu, y);
        let expand = Conv::pointwise(channels).with_bias();
        let y = self.body.op(Op::Conv(expand), &[y]);
        let y = self.body.act(gate, y);
        let y = self.body.op(Op::Scale, &[x, y]);
        self.body.pointwise(channels, act, y)
    }

    fn pool(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let kernel = self.draws.pick("pool kernel", &[3, 5]);
        let act = self.fused_activation();
        let part = (channels / 2).max(1);
        let most = self.body.pool(PoolKind::Max, kernel, 1, x);
        let mean = self.body.pool(PoolKind::Average, 3, 1, x);
        let y = self.body.pointwise(channels - part, act, mean);
        let z = self.body.pointwise(part, act, most);
        self.body.concat(&[y, z])
    }

    fn unfused(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let first = self.draws.pick("unfused activation", &Activation::ALL);
        let second = self.draws.pick("unfused activation", &Activation::ALL);
        let inner = self.inner(9, x);
        // as x is read by the sum too, this batch-norm folds into nothing
        let y = self.body.op(Op::BatchNorm, &[x]);
        let y = self.body.act(first, y);
        let y = self.body.conv(Conv::pointwise(inner), y);
        let y = self.body.pool(PoolKind::Max, 3, 1, y);
        let y = self.body.act(second, y);
        let y = self.body.conv(Conv::pointwise(channels), y);
        self.body.add(y, x)
    }

    fn residual(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let act = self.draws.pick("residual activation", &Activation::ALL);
        let inner = self.inner(9, x);
        let y = self.body.pointwise(inner, act, x);
        let y = self.body.conv_act(Conv::same(inner, 3, 1), act, y);
        let y = self.body.conv(Conv::pointwise(channels), y);
        let y = self.body.add(y, x);
        self.body.act(act, y)
    }

    /// Half the resolution and back, with a sum over both as in a feature pyramid.
    fn decoder(&mut self, x: Tensor) -> Tensor {
        let Shape {
            channels,
            height,
            width,
        } = self.body.shape(x);
        let act = self.fused_activation();
        let inner = self.inner(9, x);
        let small = self.body.conv_act(Conv::same(inner, 3, 2), act, x);
        // a side that is odd comes back longer by one
        let whole = height.is_multiple_of(2) && width.is_multiple_of(2);
        let y = match self
            .draws
            .pick("enlarging", &["nearest", "bilinear", "transposed"])
        {
            "nearest" if whole => self.resized(Interpolation::Nearest, small),
            "bilinear" if whole => self.resized(Interpolation::Bilinear, small),
            _ => self.transposed(inner, [height, width], act, small),
        };
        let y = self.body.conv(Conv::pointwise(channels), y);
        self.body.add(y, x)
    }

    fn resized(&mut self, interpolation: Interpolation, x: Tensor) -> Tensor {
        self.body
            .other(|shape| Other::resize(shape, 2, interpolation), x)
    }

    /// A 3x3 transposed convolution of stride 2 to these sides.
    fn transposed(
        &mut self,
        channels: usize,
        sides: [usize; 2],
        act: Activation,
        x: Tensor,
    ) -> Tensor {
        let transposed = ConvTranspose {
            conv: Conv::same(channels, 3, 2).with_bias(),
            output_padding: sides.map(|side| usize::from(side.is_multiple_of(2))),
        };
        let y = self.body.op(Op::ConvTranspose(transposed), &[x]);
        self.body.act(act, y)
    }

    /// Self-attention: `softmax(Q^T K) V^T` for each head, over all positions.
    fn attention(&mut self, x: Tensor) -> Tensor {
        let Shape {
            channels,
            height,
            width,
        } = self.body.shape(x);
        let heads = self.draws.pick("heads", &[1, 2, 4]);
        let depth = self.draws.pick("head depth", &[16, 24, 32]);
        let tokens = height * width;
        let part = |body: &mut Body| {
            let y = body.conv(Conv::pointwise(heads * depth), x);
            body.other(|_| Other::reshape(Shape::new(heads, depth, tokens)), y)
        };
        let [query, key, value] = [part(self.body), part(self.body), part(self.body)];
        let query = self.body.other(Other::transpose, query);
        let value = self.body.other(Other::transpose, value);
        let scores = self.product(query, key);
        let scores = self.body.other(Other::softmax, scores);
        let y = self.product(scores, value);
        let y = self.body.other(Other::transpose, y);
        let map = Shape::new(heads * depth, height, width);
        let y = self.body.other(|_| Other::reshape(map), y);
        let y = self.body.conv(Conv::pointwise(channels), y);
        self.body.add(y, x)
    }

    fn norm(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let act = self.fused_activation();
        let inner = self.inner(9, x);
        let y = self.body.op(Op::Conv(Conv::same(inner, 3, 1)), &[x]);
        let y = match self.draws.pick("norm", &["layer", "instance"]) {
            "layer" => {
                let rows = self.rows_of(y);
                let rows = self.body.other(Other::layer_norm, rows);
                self.map_of(rows, self.body.shape(y))
            }
            _ => self.body.other(Other::instance_norm, y),
        };
        let y = self.body.act(act, y);
        let y = self.body.conv(Conv::pointwise(channels), y);
        self.body.add(y, x)
    }

    fn tokens(&mut self, x: Tensor) -> Tensor {
        let shape = self.body.shape(x);
        let kernel = self.draws.pick("tokens' kernel", &[7, 7, 5]);
        let act = self.draws.pick(
            "tokens' activation",
            &[Activation::Gelu, Activation::Gelu, Activation::HardSwish],
        );
        let depthwise = Conv::same(shape.channels, kernel, 1)
            .grouped(shape.channels)
            .with_bias();
        let y = self.body.op(Op::Conv(depthwise), &[x]);
        let rows = self.rows_of(y);
        let rows = self.body.other(Other::layer_norm, rows);
        let most = MOST_TOKEN_MACS / shape.elements() as f64;
        let hidden = (4 * shape.channels).min(most as usize).max(16);
        let rows = self.linear_over_tokens(hidden, rows);
        let rows = self.body.act(act, rows);
        let rows = self.linear_over_tokens(shape.channels, rows);
        let y = self.map_of(rows, shape);
        self.body.add(y, x)
    }

    fn linear_over_tokens(&mut self, out_features: usize, x: Tensor) -> Tensor {
        let product = MatMul::over_tokens(self.body.shape(x), out_features);
        self.body.op(Op::MatMul(product), &[x])
    }

    /// A feature map's positions as rows, its channels as columns.
    fn rows_of(&mut self, x: Tensor) -> Tensor {
        let shape = self.body.shape(x);
        let columns = Shape::new(1, shape.channels, shape.positions() as usize);
        let y = self.body.other(|_| Other::reshape(columns), x);
        self.body.other(Other::transpose, y)
    }

    /// Rows for positions as a feature map of this shape.
    fn map_of(&mut self, rows: Tensor, shape: Shape) -> Tensor {
        let y = self.body.other(Other::transpose, rows);
        self.body.other(|_| Other::reshape(shape), y)
    }

    fn local_norm(&mut self, x: Tensor) -> Tensor {
        let channels = self.body.channels(x);
        let inner = self.inner(9, x);
        let wide = self.body.pointwise(channels, Activation::Relu, x);
        let y = self.body.other(Other::local_response_norm, wide);
        let y = self
            .body
            .conv_act(Conv::same(inner, 3, 1), Activation::Relu, y);
        self.body.pointwise(channels, Activation::Relu, y)
    }

    fn product(&mut self, left: Tensor, right: Tensor) -> Tensor {
        let (a, b) = (self.body.shape(left), self.body.shape(right));
        let product = MatMul {
            macs: a.elements() * b.width as u64,
            weights: 0,
            output: Shape::new(a.channels, a.height, b.width),
        };
        self.body.op(Op::MatMul(product), &[left, right])
    }
}
