// One integration of one subband into its channels of the whole band: turned, conjugated, flagged.
#pragma once

#include <cstddef>
#include <cstdint>

namespace formats {

// Blocks are [baseline, channel, polarization]; complex numbers are interleaved re, im.
struct SubbandPlacement {
  std::size_t baselineCount;
  std::size_t channelCount;
  std::size_t polarizationCount;
  bool isDescending;
  // Where the subband's channels begin in the band, and how many the band has.
  std::size_t firstChannel;
  std::size_t bandChannelCount;

  // As read, channels and polarizations in the file's order.
  const float* vis;
  const std::uint8_t* flags;
  const float* nsamples;
  // Index in the file of each polarization of the band, shape [polarization].
  const std::int32_t* polarizationSource;
  // Shape [baseline].
  const std::int32_t* antenna1;
  const std::int32_t* antenna2;
  // Shape [antenna, channel of the band].
  const double* phasors;

  // The whole band; only the subband's channels are written. Weights may be null.
  float* bandVis;
  std::uint8_t* bandFlags;
  float* bandWeights;
};

// Fills the subband's channels of the band. V' = conj(V · A1 · conj(A2)), A the phasors of the two
// antennas: the conjugation takes UVH5's sign of phase to the Measurement Set's
// (docs/conventions.md). A sample that no measurement went into is flagged besides those that the
// file flags. Returns how many samples are flagged.
std::size_t placeSubband(const SubbandPlacement& placement);

}  // namespace formats
