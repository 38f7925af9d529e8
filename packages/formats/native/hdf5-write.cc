// Creating groups and datasets and writing boxes into them.
//
// A box of whole chunks is gathered chunk by chunk and handed to libhdf5 as raw chunks, which is
// several times faster than its own value-by-value gather. It needs file bytes equal to memory's.
#include <algorithm>
#include <cstring>

#include "hdf5-write.h"

namespace formats {
namespace {

bool coversWholeChunks(const Dataset& dataset, const Slab& slab) {
  for (std::size_t axis = 0; axis < dataset.shape.size(); axis++) {
    const hsize_t end = slab.offset[axis] + slab.count[axis];
    if (slab.offset[axis] % dataset.chunk[axis] != 0) return false;
    if (end % dataset.chunk[axis] != 0 && end != dataset.shape[axis]) return false;
  }
  return true;
}

// Copies the slab's part of one chunk into a zeroed chunk buffer.
void gather(const Dataset& dataset, const Slab& slab, const std::vector<hsize_t>& start,
            std::size_t axis, const char* from, char* to) {
  const std::size_t rank = dataset.shape.size();
  if (axis == rank) {
    std::memcpy(to, from, dataset.itemBytes);
    return;
  }
  std::size_t fromStep = dataset.itemBytes;
  std::size_t toStep = dataset.itemBytes;
  for (std::size_t inner = axis + 1; inner < rank; inner++) {
    fromStep *= slab.count[inner];
    toStep *= dataset.chunk[inner];
  }
  const hsize_t first = start[axis] - slab.offset[axis];
  const hsize_t count = std::min(dataset.chunk[axis], slab.count[axis] - first);
  if (axis + 1 == rank) {
    std::memcpy(to, from + first * fromStep, count * dataset.itemBytes);
    return;
  }
  for (hsize_t index = 0; index < count; index++) {
    gather(dataset, slab, start, axis + 1, from + (first + index) * fromStep, to + index * toStep);
  }
}

void writeWholeChunks(File& file, const std::string& name, const Dataset& dataset,
                      const Slab& slab, const Memory& memory) {
  std::size_t chunkBytes = dataset.itemBytes;
  for (const hsize_t edge : dataset.chunk) chunkBytes *= edge;
  std::vector<char> buffer(chunkBytes);
  std::vector<hsize_t> start = slab.offset;
  const std::size_t rank = start.size();
  while (true) {
    std::fill(buffer.begin(), buffer.end(), 0);
    gather(dataset, slab, start, 0, static_cast<const char*>(memory.data), buffer.data());
    if (H5Dwrite_chunk(dataset.id.get(), H5P_DEFAULT, 0, start.data(), chunkBytes, buffer.data()) <
        0) {
      file.fail("dataset " + name + " cannot be written");
    }
    std::size_t axis = rank;
    while (axis > 0) {
      axis--;
      start[axis] += dataset.chunk[axis];
      if (start[axis] < slab.offset[axis] + slab.count[axis]) break;
      start[axis] = slab.offset[axis];
      if (axis == 0) return;
    }
  }
}

void writeThroughHdf5(File& file, const std::string& name, const Dataset& dataset,
                      const Slab& slab, const Memory& memory) {
  Handle fileSpace(H5Dget_space(dataset.id.get()), H5Sclose);
  Handle type = memoryType(dataset, memory);
  herr_t status = 0;
  if (slab.offset.empty()) {
    status = H5Dwrite(dataset.id.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, memory.data);
  } else {
    H5Sselect_hyperslab(fileSpace.get(), H5S_SELECT_SET, slab.offset.data(), nullptr,
                        slab.count.data(), nullptr);
    Handle memorySpace(
        H5Screate_simple(static_cast<int>(slab.count.size()), slab.count.data(), nullptr), H5Sclose);
    status = H5Dwrite(dataset.id.get(), type.get(), memorySpace.get(), fileSpace.get(), H5P_DEFAULT,
                      memory.data);
  }
  if (status < 0) file.fail("dataset " + name + " cannot be written");
}

Handle compound(hid_t component, std::size_t componentBytes) {
  Handle type(H5Tcreate(H5T_COMPOUND, 2 * componentBytes), H5Tclose);
  H5Tinsert(type.get(), "r", 0, component);
  H5Tinsert(type.get(), "i", componentBytes, component);
  return type;
}

// h5py stores numpy.bool as this enumeration of one signed byte.
Handle booleanType() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  const std::int8_t no = 0;
  const std::int8_t yes = 1;
  H5Tenum_insert(type.get(), "FALSE", &no);
  H5Tenum_insert(type.get(), "TRUE", &yes);
  return type;
}

// As numpy.bytes_ in h5py: padded with NUL, ASCII.
Handle fixedStringType(std::size_t bytes) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), bytes);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  return type;
}

Handle variableStringType() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

Handle typeNamed(const std::string& name, std::size_t stringBytes) {
  if (name == "float32") return Handle(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  if (name == "float64") return Handle(H5Tcopy(H5T_IEEE_F64LE), H5Tclose);
  if (name == "int32") return Handle(H5Tcopy(H5T_STD_I32LE), H5Tclose);
  if (name == "int64") return Handle(H5Tcopy(H5T_STD_I64LE), H5Tclose);
  if (name == "boolean") return booleanType();
  if (name == "complex64") return compound(H5T_IEEE_F32LE, 4);
  if (name == "complex128") return compound(H5T_IEEE_F64LE, 8);
  if (name == "complex-int32") return compound(H5T_STD_I32LE, 4);
  if (name == "string") {
    return stringBytes > 0 ? fixedStringType(stringBytes) : variableStringType();
  }
  throw Hdf5Error("unknown HDF5 type " + name);
}

}  // namespace

void createGroup(File& file, const std::string& name) {
  std::lock_guard lock(hdf5Mutex());
  file.requireOpen();
  Handle group(H5Gcreate2(file.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  if (!group.valid()) file.fail("group " + name + " cannot be created");
}

void createDataset(File& file, const std::string& name, const NewDataset& wanted) {
  std::lock_guard lock(hdf5Mutex());
  file.requireOpen();
  Handle type = typeNamed(wanted.type, wanted.stringBytes);
  Handle space;
  if (wanted.shape.empty()) {
    space = Handle(H5Screate(H5S_SCALAR), H5Sclose);
  } else {
    space = Handle(H5Screate_simple(static_cast<int>(wanted.shape.size()), wanted.shape.data(),
                                    wanted.maxShape.empty() ? nullptr : wanted.maxShape.data()),
                   H5Sclose);
  }
  Handle plist(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  // The same values give the same bytes, whenever they are written; h5py does the same.
  H5Pset_obj_track_times(plist.get(), false);
  if (!wanted.chunk.empty()) {
    H5Pset_chunk(plist.get(), static_cast<int>(wanted.chunk.size()), wanted.chunk.data());
  }
  Handle dataset(H5Dcreate2(file.id(), name.c_str(), type.get(), space.get(), H5P_DEFAULT,
                            plist.get(), H5P_DEFAULT),
                 H5Dclose);
  if (!dataset.valid()) file.fail("dataset " + name + " cannot be created");
}

void writeSlab(File& file, const std::string& name, const Slab& slab, const Memory& memory) {
  std::shared_lock inUse(file.inUse());
  std::lock_guard lock(hdf5Mutex());
  Dataset& dataset = file.dataset(name);
  checkSlab(file, name, dataset, slab, memory);
  if (slab.itemCount() == 0) return;
  const bool sameBytes = dataset.littleEndian && dataset.filters.empty() &&
                         dataset.componentBytes == memory.componentBytes &&
                         (dataset.kind == Kind::Boolean ||
                          dataset.componentClass == memory.componentClass);
  if (sameBytes && !dataset.chunk.empty() && coversWholeChunks(dataset, slab)) {
    writeWholeChunks(file, name, dataset, slab, memory);
  } else {
    writeThroughHdf5(file, name, dataset, slab, memory);
  }
}

void writeStrings(File& file, const std::string& name, const std::vector<std::string>& values) {
  std::lock_guard lock(hdf5Mutex());
  Dataset& dataset = file.dataset(name);
  std::size_t expected = 1;
  for (const hsize_t edge : dataset.shape) expected *= edge;
  if (dataset.kind != Kind::String || values.size() != expected) {
    throw Hdf5Error(file.path() + ": dataset " + name + " wants " + std::to_string(expected) +
                    " strings, got " + std::to_string(values.size()));
  }
  Handle type(H5Dget_type(dataset.id.get()), H5Tclose);
  std::vector<char> fixed;
  std::vector<const char*> pointers;
  const void* data = nullptr;
  if (dataset.variableLength) {
    for (const std::string& value : values) pointers.push_back(value.c_str());
    data = pointers.data();
  } else {
    fixed.assign(dataset.itemBytes * values.size(), 0);
    for (std::size_t index = 0; index < values.size(); index++) {
      if (values[index].size() > dataset.itemBytes) {
        throw Hdf5Error(file.path() + ": dataset " + name + " holds strings of " +
                        std::to_string(dataset.itemBytes) + " B, got \"" + values[index] + "\"");
      }
      std::memcpy(fixed.data() + index * dataset.itemBytes, values[index].data(), values[index].size());
    }
    data = fixed.data();
  }
  if (H5Dwrite(dataset.id.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
    file.fail("dataset " + name + " cannot be written");
  }
}

void resize(File& file, const std::string& name, const std::vector<hsize_t>& shape) {
  std::lock_guard lock(hdf5Mutex());
  Dataset& dataset = file.dataset(name);
  if (shape.size() != dataset.shape.size() ||
      H5Dset_extent(dataset.id.get(), shape.data()) < 0) {
    file.fail("dataset " + name + " cannot be resized");
  }
  file.forget(name);
}

}  // namespace formats
