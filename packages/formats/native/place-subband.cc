#include "place-subband.h"

#include <cstring>
#include <vector>

namespace formats {
namespace {

// conj(A1 · conj(A2)) of each of the subband's channels, for one baseline.
void fillTurns(const SubbandPlacement& p, std::size_t baseline, float* turns) {
  const double* one = p.phasors + 2 * (p.antenna1[baseline] * p.bandChannelCount + p.firstChannel);
  const double* two = p.phasors + 2 * (p.antenna2[baseline] * p.bandChannelCount + p.firstChannel);
  for (std::size_t at = 0; at < 2 * p.channelCount; at += 2) {
    turns[at] = static_cast<float>(one[at] * two[at] + one[at + 1] * two[at + 1]);
    turns[at + 1] = static_cast<float>(one[at] * two[at + 1] - one[at + 1] * two[at]);
  }
}

// Two polarizations that stay in order are what the telescope writes; knowing it when compiling
// makes the loop three times as fast.
template <bool isPairInOrder>
void placeVis(const SubbandPlacement& p, std::size_t baseline, const float* __restrict turns) {
  const std::size_t polarizationCount = isPairInOrder ? 2 : p.polarizationCount;
  const std::size_t cell = 2 * polarizationCount;
  const float* __restrict block = p.vis + baseline * p.channelCount * cell;
  float* __restrict to = p.bandVis + (baseline * p.bandChannelCount + p.firstChannel) * cell;
  for (std::size_t channel = 0; channel < p.channelCount; channel++, to += cell) {
    const float turnRe = turns[2 * channel];
    const float turnIm = turns[2 * channel + 1];
    const float* from = block + (p.isDescending ? p.channelCount - 1 - channel : channel) * cell;
    for (std::size_t polarization = 0; polarization < polarizationCount; polarization++) {
      const std::size_t source = isPairInOrder ? polarization : p.polarizationSource[polarization];
      const float re = from[2 * source];
      const float im = from[2 * source + 1];
      to[2 * polarization] = re * turnRe + im * turnIm;
      to[2 * polarization + 1] = re * turnIm - im * turnRe;
    }
  }
}

// Calls visit(index in the block, index in the band) for every sample of a baseline.
template <typename Visit>
void forEachSample(const SubbandPlacement& p, std::size_t baseline, Visit visit) {
  std::size_t to = (baseline * p.bandChannelCount + p.firstChannel) * p.polarizationCount;
  for (std::size_t channel = 0; channel < p.channelCount; channel++) {
    const std::size_t fileChannel = p.isDescending ? p.channelCount - 1 - channel : channel;
    const std::size_t from = (baseline * p.channelCount + fileChannel) * p.polarizationCount;
    for (std::size_t polarization = 0; polarization < p.polarizationCount; polarization++, to++) {
      visit(from + p.polarizationSource[polarization], to);
    }
  }
}

bool isClean(const SubbandPlacement& p, std::size_t baseline) {
  const std::size_t count = p.channelCount * p.polarizationCount;
  const std::uint8_t* flags = p.flags + baseline * count;
  const float* nsamples = p.nsamples + baseline * count;
  bool isBad = false;
  for (std::size_t at = 0; at < count; at++) isBad |= (flags[at] != 0) | (nsamples[at] == 0);
  return !isBad;
}

std::size_t placeFlags(const SubbandPlacement& p, std::size_t baseline) {
  if (isClean(p, baseline)) {
    const std::size_t to = baseline * p.bandChannelCount + p.firstChannel;
    std::memset(p.bandFlags + to * p.polarizationCount, 0, p.channelCount * p.polarizationCount);
    return 0;
  }
  std::size_t flaggedCount = 0;
  forEachSample(p, baseline, [&](std::size_t from, std::size_t to) {
    const bool isBad = p.flags[from] != 0 || p.nsamples[from] == 0;
    p.bandFlags[to] = isBad;
    flaggedCount += isBad;
  });
  return flaggedCount;
}

}  // namespace

std::size_t placeSubband(const SubbandPlacement& p) {
  const bool isPairInOrder = p.polarizationCount == 2 && p.polarizationSource[0] == 0;
  std::vector<float> turns(2 * p.channelCount);
  std::size_t flaggedCount = 0;
  for (std::size_t baseline = 0; baseline < p.baselineCount; baseline++) {
    fillTurns(p, baseline, turns.data());
    if (isPairInOrder) placeVis<true>(p, baseline, turns.data());
    else placeVis<false>(p, baseline, turns.data());
    flaggedCount += placeFlags(p, baseline);
    if (p.bandWeights == nullptr) continue;
    forEachSample(p, baseline, [&](std::size_t from, std::size_t to) {
      p.bandWeights[to] = p.nsamples[from];
    });
  }
  return flaggedCount;
}

}  // namespace formats
