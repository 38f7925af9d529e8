// Whole small datasets as strings or doubles.
#pragma once

#include "hdf5-file.h"

namespace formats {

std::vector<std::string> readStrings(File& file, const std::string& name);
// Integers beyond 2^53 are refused, not rounded.
std::vector<double> readNumbers(File& file, const std::string& name);

// Largest |value| (infinite or NaN when any value is) and smallest value of float32 data, in one
// pass that compilers vectorize: IEEE bit patterns order like integers.
struct Extremes {
  float absMax;
  float min;
};
Extremes extremesOf(const float* values, std::size_t count);

}  // namespace formats
