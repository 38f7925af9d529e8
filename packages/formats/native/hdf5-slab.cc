// What a box must satisfy, and the memory types that libhdf5 converts to.
#include "hdf5-file.h"

namespace formats {
namespace {

std::string inBrackets(const std::vector<hsize_t>& values) {
  std::string text = "[";
  for (std::size_t index = 0; index < values.size(); index++) {
    text += (index > 0 ? ", " : "") + std::to_string(values[index]);
  }
  return text + "]";
}

hid_t nativeNumber(H5T_class_t numberClass, std::size_t bytes, bool isSigned) {
  if (numberClass == H5T_FLOAT) return bytes == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
  switch (bytes) {
    case 1:
      return isSigned ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8;
    case 2:
      return isSigned ? H5T_NATIVE_INT16 : H5T_NATIVE_UINT16;
    case 4:
      return isSigned ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT32;
    default:
      return isSigned ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
  }
}

}  // namespace

std::size_t Slab::itemCount() const {
  std::size_t items = 1;
  for (const hsize_t edge : count) items *= edge;
  return items;
}

Handle memoryType(const Dataset& dataset, const Memory& memory) {
  if (dataset.kind == Kind::Boolean) {
    Handle type(H5Dget_type(dataset.id.get()), H5Tclose);
    return type;  // one byte, 0 or 1: the same in memory
  }
  const hid_t number = nativeNumber(memory.componentClass, memory.componentBytes, memory.isSigned);
  if (dataset.kind != Kind::Complex) return Handle(H5Tcopy(number), H5Tclose);
  Handle type(H5Tcreate(H5T_COMPOUND, 2 * memory.componentBytes), H5Tclose);
  H5Tinsert(type.get(), "r", 0, number);
  H5Tinsert(type.get(), "i", memory.componentBytes, number);
  return type;
}

void checkSlab(const File& file, const std::string& name, const Dataset& dataset,
               const Slab& slab, const Memory& memory) {
  const std::string where = file.path() + ": dataset " + name;
  if (dataset.kind == Kind::String || dataset.kind == Kind::Other) {
    throw Hdf5Error(where + " holds no numbers, booleans or complex {r, i} values");
  }
  if (dataset.kind == Kind::Boolean && memory.componentBytes != 1) {
    throw Hdf5Error(where + " holds booleans; they need an array of bytes");
  }
  const std::size_t rank = dataset.shape.size();
  if (slab.offset.size() != rank || slab.count.size() != rank) {
    throw Hdf5Error(where + " has shape " + inBrackets(dataset.shape) + ", but the box asked for has " +
                    std::to_string(slab.count.size()) + " axes");
  }
  for (std::size_t axis = 0; axis < rank; axis++) {
    if (slab.offset[axis] + slab.count[axis] <= dataset.shape[axis]) continue;
    throw Hdf5Error(where + " has shape " + inBrackets(dataset.shape) + ", but the box from " +
                    inBrackets(slab.offset) + " of " + inBrackets(slab.count) + " was asked for");
  }
  const std::size_t parts = dataset.kind == Kind::Complex ? 2 : 1;
  const std::size_t needed = slab.itemCount() * parts * memory.componentBytes;
  if (memory.bytes < needed) {
    throw Hdf5Error(where + ": the box needs " + std::to_string(needed) + " B of memory, got " +
                    std::to_string(memory.bytes));
  }
}

}  // namespace formats
