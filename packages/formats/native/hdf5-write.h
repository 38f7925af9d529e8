// Writing HDF5: groups, datasets with given chunks, boxes, strings.
#pragma once

#include "hdf5-file.h"

namespace formats {

struct NewDataset {
  // float32, float64, int32, int64, boolean, complex64, complex128, complex-int32 or string.
  std::string type;
  std::size_t stringBytes = 0;  // 0: of variable length
  std::vector<hsize_t> shape;   // empty: a scalar
  std::vector<hsize_t> maxShape;
  std::vector<hsize_t> chunk;
};

void createGroup(File& file, const std::string& name);
void createDataset(File& file, const std::string& name, const NewDataset& wanted);
void writeStrings(File& file, const std::string& name, const std::vector<std::string>& values);
void resize(File& file, const std::string& name, const std::vector<hsize_t>& shape);

}  // namespace formats
