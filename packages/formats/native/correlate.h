// What an ideal correlator makes of point sources, antenna gains and receiver noise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace formats {

// Shapes in row-major order; complex numbers are interleaved re, im.
struct Correlation {
  std::size_t antennaCount;
  std::size_t sourceCount;
  std::size_t timeCount;
  std::size_t channelCount;
  std::size_t polarizationCount;
  const double* frequencyHz;  // [channel]
  const double* positionsM;   // [antenna, 3], local frame
  const double* directions;   // [time, source, 3]: s − w0, local frame
  const float* fluxJy;        // [time, source, channel], beam included
  const float* skyResponse;   // [antenna]: 1, or 0 for an antenna that hears only its receiver
  const float* gains;         // [time, channel, polarization, antenna, 2]
  float noiseJy;              // σ of the real and of the imaginary part of a cross-correlation
  float systemJy;             // mean of an autocorrelation without sources
  float autoNoiseJy;          // σ of an autocorrelation
  std::uint64_t seed;
  float* vis;  // out: [time, baseline, channel, polarization, 2], baselines i ≤ j
};

// V_ij = conj(G_i) G_j (Σ_s S_s exp(+2πi ν/c (p_j − p_i)·(s − w0)) + noise).
// The UVH5 sign: uvw = p_j − p_i and V = <conj(v_i) v_j>.
void correlate(const Correlation& correlation);

}  // namespace formats
