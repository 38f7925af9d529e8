// Takes point sources off the visibilities of one integration.
//
// Antenna phasors are made once for a block of channels, small enough for the second cache; a
// baseline's model is a sum of their products, along the channels of the block.
#include "subtract-sources.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace formats {
namespace {

constexpr double SPEED_OF_LIGHT_M_S = 299792458.0;
constexpr double TWO_PI = 6.283185307179586;
constexpr std::size_t CHANNEL_BLOCK = 16;

// [source][antenna][channel of the block], and the fluxes, [source][channel of the block].
struct Block {
  std::vector<float> re;
  std::vector<float> im;
  std::vector<float> flux;
};

void fillBlock(const Subtraction& s, std::size_t first, std::size_t count, Block& block) {
  const double hz = s.firstHz + s.stepHz * static_cast<double>(first);
  for (std::size_t item = 0; item < s.sourceCount * s.antennaCount; item++) {
    const double seconds = s.pathM[item] / SPEED_OF_LIGHT_M_S;
    const double turns = hz * seconds;
    const double step = TWO_PI * s.stepHz * seconds;
    const double angle = TWO_PI * (turns - std::nearbyint(turns));
    double re = std::cos(angle);
    double im = std::sin(angle);
    const double stepRe = std::cos(step);
    const double stepIm = std::sin(step);
    for (std::size_t channel = 0; channel < count; channel++) {
      block.re[item * CHANNEL_BLOCK + channel] = static_cast<float>(re);
      block.im[item * CHANNEL_BLOCK + channel] = static_cast<float>(im);
      const double next = re * stepRe - im * stepIm;
      im = re * stepIm + im * stepRe;
      re = next;
    }
  }
  for (std::size_t source = 0; source < s.sourceCount; source++) {
    for (std::size_t channel = 0; channel < count; channel++) {
      block.flux[source * CHANNEL_BLOCK + channel] =
          static_cast<float>(s.fluxJy[source * s.channelCount + first + channel]);
    }
  }
}

// sin(n x) / (n sin x), x half a turn's phase of one of n parts. Nearly all baselines are where the
// series is good to 1e-4, and costs a tenth.
double averagingLoss(double x, double n) {
  const double squared = x * x;
  const double count = n * n;
  if (squared * count > 1) return std::sin(n * x) / (n * std::sin(x));
  const double fourth = (3 * count * count - 10 * count + 7) / 360;
  return 1 - squared * ((count - 1) / 6 - squared * fourth);
}

// Σ (B S − steady) E_p conj(E_q) over the sources; unused channels of the block hold anything.
void rowModel(const Subtraction& s, const Block& block, std::size_t row,
              float* __restrict modelRe, float* __restrict modelIm) {
  std::fill(modelRe, modelRe + CHANNEL_BLOCK, 0.f);
  std::fill(modelIm, modelIm + CHANNEL_BLOCK, 0.f);
  for (std::size_t source = 0; source < s.sourceCount; source++) {
    const std::size_t p = (source * s.antennaCount + s.antenna1[row]) * CHANNEL_BLOCK;
    const std::size_t q = (source * s.antennaCount + s.antenna2[row]) * CHANNEL_BLOCK;
    const float* __restrict pRe = block.re.data() + p;
    const float* __restrict pIm = block.im.data() + p;
    const float* __restrict qRe = block.re.data() + q;
    const float* __restrict qIm = block.im.data() + q;
    const float* __restrict flux = block.flux.data() + source * CHANNEL_BLOCK;
    const double* path = s.pathM + source * s.antennaCount;
    const double seconds = (path[s.antenna1[row]] - path[s.antenna2[row]]) / SPEED_OF_LIGHT_M_S;
    const double halfTurn = TWO_PI / 2 * s.partHz * seconds;
    const float loss = static_cast<float>(
        averagingLoss(halfTurn, static_cast<double>(s.partCount)));
    const float steady = static_cast<float>(s.steadyJy[source]);
    for (std::size_t channel = 0; channel < CHANNEL_BLOCK; channel++) {
      const float jy = loss * flux[channel] - steady;
      modelRe[channel] += jy * (pRe[channel] * qRe[channel] + pIm[channel] * qIm[channel]);
      modelIm[channel] += jy * (pIm[channel] * qRe[channel] - pRe[channel] * qIm[channel]);
    }
  }
}

}  // namespace

void subtractSources(const Subtraction& s) {
  Block block;
  block.re.resize(s.sourceCount * s.antennaCount * CHANNEL_BLOCK);
  block.im.resize(block.re.size());
  block.flux.resize(s.sourceCount * CHANNEL_BLOCK);
  float modelRe[CHANNEL_BLOCK];
  float modelIm[CHANNEL_BLOCK];
  for (std::size_t first = 0; first < s.channelCount; first += CHANNEL_BLOCK) {
    const std::size_t count = std::min(CHANNEL_BLOCK, s.channelCount - first);
    fillBlock(s, first, count, block);
    for (std::size_t row = 0; row < s.rowCount; row++) {
      rowModel(s, block, row, modelRe, modelIm);
      float* out = s.vis + 2 * (row * s.channelCount + first) * s.polarizationCount;
      for (std::size_t channel = 0; channel < count; channel++) {
        for (std::size_t polarization = 0; polarization < s.polarizationCount; polarization++) {
          *out++ -= modelRe[channel];
          *out++ -= modelIm[channel];
        }
      }
    }
  }
}

}  // namespace formats
