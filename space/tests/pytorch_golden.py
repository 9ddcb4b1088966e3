"""An image backbone designed by roofnas.

56,698 parameters, 5,821,696 MACs for a 3x64x48 image.

Genotype: r64x48/s16/16:x/24:3*x/32:4*x/h128

Written by roofnas 0.1.0. This file is yours: use it, change it and pass it on under any
licence, or none, without mention of where it comes from.
"""

from torch import nn


class ConvNormAct(nn.Module):
    """Convolution padded by half its kernel, batch norm, activation."""

    def __init__(self, in_chs, out_chs, kernel_size, stride=1, groups=1, act=nn.ReLU):
        super().__init__()
        padding = (kernel_size - 1) // 2
        self.conv = nn.Conv2d(
            in_chs, out_chs, kernel_size, stride, padding, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_chs)
        self.act = act()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class SqueezeExcite(nn.Module):
    """Scales each channel by what all of them average (arXiv 1709.01507)."""

    def __init__(self, chs, squeezed_chs):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(chs, squeezed_chs, 1)
        self.act = nn.ReLU()
        self.expand = nn.Conv2d(squeezed_chs, chs, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x):
        scale = self.act(self.reduce(self.pool(x)))
        return x * self.gate(self.expand(scale))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut (arXiv 1512.03385)."""

    def __init__(self, in_chs, out_chs, kernel_size, stride=1, groups=1):
        super().__init__()
        self.first = ConvNormAct(in_chs, out_chs, kernel_size, stride, groups=groups)
        self.second = ConvNormAct(
            out_chs, out_chs, kernel_size, groups=groups, act=nn.Identity
        )
        self.shortcut = nn.Identity()
        if stride != 1 or in_chs != out_chs:
            self.shortcut = ConvNormAct(in_chs, out_chs, 1, stride, act=nn.Identity)
        self.act = nn.ReLU()

    def forward(self, x):
        y = self.second(self.first(x))
        return self.act(y + self.shortcut(x))


class InvertedBottleneck(nn.Module):
    """Expansion, convolution, linear projection, shortcut (arXiv 1801.04381)."""

    def __init__(
        self,
        in_chs,
        out_chs,
        kernel_size,
        stride=1,
        mid_chs=None,
        se_chs=None,
        act=nn.ReLU,
    ):
        super().__init__()
        self.expand = nn.Identity()
        if mid_chs:
            self.expand = ConvNormAct(in_chs, mid_chs, 1, act=act)
        mid_chs = mid_chs or in_chs
        self.spatial = ConvNormAct(
            mid_chs, mid_chs, kernel_size, stride, groups=mid_chs, act=act
        )
        self.se = SqueezeExcite(mid_chs, se_chs) if se_chs else nn.Identity()
        self.project = ConvNormAct(mid_chs, out_chs, 1, act=nn.Identity)
        self.has_shortcut = stride == 1 and in_chs == out_chs

    def forward(self, x):
        y = self.project(self.se(self.spatial(self.expand(x))))
        return x + y if self.has_shortcut else y


def init_weights(module):
    """He-normal by fan-in (arXiv 1502.01852); batch norms start as the identity."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Backbone(nn.Module):
    """Stem, stages and head.

    num_classes: outputs of the classifier; 0 for pooled features in place of logits
    in_chans: channels of the image
    features_only: return feature maps in place of logits, those of `feature_info`
    """

    feature_info = [
        {"num_chs": 16, "reduction": 2, "module": "stages.0"},
        {"num_chs": 24, "reduction": 4, "module": "stages.1"},
        {"num_chs": 32, "reduction": 8, "module": "stages.2"},
    ]

    def __init__(self, num_classes=10, in_chans=3, features_only=False):
        super().__init__()
        self.num_classes = num_classes
        self.num_features = 32  # channels of forward_features
        self.head_hidden_size = 128  # inputs of the classifier
        self.features_only = features_only

        self.stem = ConvNormAct(in_chans, 16, 3, stride=2, act=nn.Hardswish)
        self.stages = nn.Sequential(
            nn.Sequential(  # stride 2: 16x32x24
                InvertedBottleneck(16, 16, 3),
            ),
            nn.Sequential(  # stride 4: 24x16x12
                InvertedBottleneck(
                    16, 24, 5, mid_chs=64, stride=2, se_chs=16, act=nn.Hardswish
                ),
                InvertedBottleneck(24, 24, 5, mid_chs=96, se_chs=24, act=nn.Hardswish),
                InvertedBottleneck(24, 24, 5, mid_chs=96, se_chs=24, act=nn.Hardswish),
            ),
            nn.Sequential(  # stride 8: 32x8x6
                BasicBlock(24, 32, 3, stride=2, groups=4),
                *[BasicBlock(32, 32, 3, groups=4) for _ in range(3)],
            ),
        )

        if not features_only:
            self.head = ConvNormAct(32, 128, 1)
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.classifier = nn.Identity()
            if num_classes:
                self.classifier = nn.Linear(128, num_classes)

        self.apply(init_weights)

    def forward_features(self, x):
        """The last feature map."""
        return self.stages(self.stem(x))

    def forward_head(self, x):
        """From the last feature map to logits."""
        x = self.pool(self.head(x)).flatten(1)
        return self.classifier(x)

    def forward_pyramid(self, x):
        """The feature maps of `feature_info`, from fine to coarse."""
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features

    def forward(self, x):
        if self.features_only:
            return self.forward_pyramid(x)
        return self.forward_head(self.forward_features(x))
