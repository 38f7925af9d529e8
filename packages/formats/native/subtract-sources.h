// Takes point sources off the visibilities of one integration.
#pragma once

#include <cstddef>
#include <cstdint>

namespace formats {

// Shapes in row-major order; complex numbers are interleaved re, im.
struct Subtraction {
  std::size_t antennaCount;
  std::size_t sourceCount;
  std::size_t rowCount;
  std::size_t channelCount;
  std::size_t polarizationCount;
  const std::int32_t* antenna1;  // [row]
  const std::int32_t* antenna2;  // [row]
  const double* pathM;           // [source, antenna]
  const double* fluxJy;          // [source, channel]
  const double* steadyJy;        // [source]: of each, as it is to be left
  double partHz;                 // width of the parts that a channel is the mean of
  std::size_t partCount;         // their number; 1 when nothing was averaged
  double firstHz;                // of the first channel
  double stepHz;                 // between channels
  float* vis;                    // in and out: [row, channel, polarization, 2]
};

// vis −= Σ_s (B S_s − steady_s) exp(+2πi ν/c (path_p − path_q)) in all polarizations alike, with B
// what averaging the parts of a channel leaves of a source whose phase turns over the channel.
void subtractSources(const Subtraction& subtraction);

}  // namespace formats
