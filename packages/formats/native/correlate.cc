// What an ideal correlator makes of point sources, antenna gains and receiver noise.
//
// For each time and channel the sky is a sum of outer products of antenna phasors, one a source:
// antennas × sources exponentials instead of baselines × sources. Four channels are made at once,
// so that each baseline's 64 bytes are written together.
#include "correlate.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gaussian.h"

namespace formats {
namespace {

constexpr double SPEED_OF_LIGHT_M_S = 299792458.0;
constexpr double TWO_PI = 6.283185307179586;
constexpr std::size_t CHANNEL_BLOCK = 4;

// Phasors of the sources that shine at one time and channel, [source][antenna], split re and im.
struct Phasors {
  std::vector<float> re;
  std::vector<float> im;
  std::size_t sourceCount = 0;
};

void fillPhasors(const Correlation& c, std::size_t time, std::size_t channel, Phasors& phasors) {
  const double wavesPerM = c.frequencyHz[channel] / SPEED_OF_LIGHT_M_S;
  phasors.re.resize(c.sourceCount * c.antennaCount);
  phasors.im.resize(c.sourceCount * c.antennaCount);
  phasors.sourceCount = 0;
  for (std::size_t source = 0; source < c.sourceCount; source++) {
    const float flux = c.fluxJy[(time * c.sourceCount + source) * c.channelCount + channel];
    if (flux == 0) continue;
    const double* d = c.directions + 3 * (time * c.sourceCount + source);
    const float amplitude = std::sqrt(flux);
    float* re = phasors.re.data() + phasors.sourceCount * c.antennaCount;
    float* im = phasors.im.data() + phasors.sourceCount * c.antennaCount;
    for (std::size_t antenna = 0; antenna < c.antennaCount; antenna++) {
      const double* p = c.positionsM + 3 * antenna;
      const double turns = wavesPerM * (p[0] * d[0] + p[1] * d[1] + p[2] * d[2]);
      // Whole turns are removed in double; the remainder is small enough for float.
      const float angle = static_cast<float>(TWO_PI * (turns - std::nearbyint(turns)));
      const float weight = amplitude * c.skyResponse[antenna];
      re[antenna] = weight * std::cos(angle);
      im[antenna] = weight * std::sin(angle);
    }
    phasors.sourceCount++;
  }
}

// Row i of Σ conj(E_i) E_j for j ≥ i, as sums[j].
void outerRow(const Phasors& phasors, std::size_t antennaCount, std::size_t i,
              float* __restrict sumRe, float* __restrict sumIm) {
  std::fill(sumRe + i, sumRe + antennaCount, 0.f);
  std::fill(sumIm + i, sumIm + antennaCount, 0.f);
  for (std::size_t source = 0; source < phasors.sourceCount; source++) {
    const float* __restrict re = phasors.re.data() + source * antennaCount;
    const float* __restrict im = phasors.im.data() + source * antennaCount;
    const float a = re[i];
    const float b = im[i];
    for (std::size_t j = i; j < antennaCount; j++) {
      sumRe[j] += a * re[j] + b * im[j];
      sumIm[j] += a * im[j] - b * re[j];
    }
  }
}

// Noise and gains of one time and channel, from the sky's sums to stored visibilities.
void store(const Correlation& c, std::size_t time, std::size_t channel, std::size_t i,
           const float* sumRe, const float* sumIm, std::size_t firstBaseline, Gaussian& gaussian) {
  const std::size_t polarizations = c.polarizationCount;
  const std::size_t rowFloats = c.channelCount * polarizations * 2;
  const std::size_t baselineCount = c.antennaCount * (c.antennaCount + 1) / 2;
  const float* gains =
      c.gains + 2 * (time * c.channelCount + channel) * polarizations * c.antennaCount;
  for (std::size_t j = i; j < c.antennaCount; j++) {
    float* out = c.vis + (time * baselineCount + firstBaseline + (j - i)) * rowFloats +
                 channel * polarizations * 2;
    for (std::size_t polarization = 0; polarization < polarizations; polarization++) {
      const float* gi = gains + 2 * (polarization * c.antennaCount + i);
      const float* gj = gains + 2 * (polarization * c.antennaCount + j);
      float re = sumRe[j];
      float im = sumIm[j];
      if (i == j) {
        re += c.systemJy + c.autoNoiseJy * gaussian.next();
        im = 0;
      } else {
        re += c.noiseJy * gaussian.next();
        im += c.noiseJy * gaussian.next();
      }
      const float gainRe = gi[0] * gj[0] + gi[1] * gj[1];
      const float gainIm = gi[0] * gj[1] - gi[1] * gj[0];
      out[2 * polarization] = gainRe * re - gainIm * im;
      out[2 * polarization + 1] = i == j ? 0 : gainRe * im + gainIm * re;
    }
  }
}

}  // namespace

void correlate(const Correlation& c) {
  Phasors phasors[CHANNEL_BLOCK];
  std::vector<float> sumRe(c.antennaCount);
  std::vector<float> sumIm(c.antennaCount);
  Gaussian gaussian(c.seed);
  for (std::size_t time = 0; time < c.timeCount; time++) {
    for (std::size_t first = 0; first < c.channelCount; first += CHANNEL_BLOCK) {
      const std::size_t end = std::min(first + CHANNEL_BLOCK, c.channelCount);
      for (std::size_t channel = first; channel < end; channel++) {
        fillPhasors(c, time, channel, phasors[channel - first]);
      }
      std::size_t firstBaseline = 0;
      for (std::size_t i = 0; i < c.antennaCount; i++) {
        for (std::size_t channel = first; channel < end; channel++) {
          outerRow(phasors[channel - first], c.antennaCount, i, sumRe.data(), sumIm.data());
          store(c, time, channel, i, sumRe.data(), sumIm.data(), firstBaseline, gaussian);
        }
        firstBaseline += c.antennaCount - i;
      }
    }
  }
}

}  // namespace formats
