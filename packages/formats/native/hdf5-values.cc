// Whole small datasets as strings or doubles.
#include "hdf5-values.h"

#include <algorithm>
#include <cstring>

namespace formats {
namespace {

constexpr std::int64_t EXACT_MAX = std::int64_t{1} << 53;

std::size_t itemsOf(const Dataset& dataset) {
  std::size_t items = 1;
  for (const hsize_t edge : dataset.shape) items *= edge;
  return items;
}

std::string trimmed(const char* text, std::size_t bytes) {
  std::size_t length = strnlen(text, bytes);
  while (length > 0 && text[length - 1] == ' ') length--;
  return std::string(text, length);
}

}  // namespace

std::vector<std::string> readStrings(File& file, const std::string& name) {
  std::lock_guard lock(hdf5Mutex());
  Dataset& dataset = file.dataset(name);
  if (dataset.kind != Kind::String) {
    throw Hdf5Error(file.path() + ": dataset " + name + " holds no strings");
  }
  file.requireFilters(name, dataset);
  const std::size_t count = itemsOf(dataset);
  std::vector<std::string> values;
  Handle type(H5Dget_type(dataset.id.get()), H5Tclose);
  if (dataset.variableLength) {
    std::vector<char*> pointers(count, nullptr);
    if (H5Dread(dataset.id.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) {
      file.fail("dataset " + name + " cannot be read");
    }
    for (const char* text : pointers) values.emplace_back(text == nullptr ? "" : text);
    Handle space(H5Dget_space(dataset.id.get()), H5Sclose);
    H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
    return values;
  }
  std::vector<char> bytes(count * dataset.itemBytes);
  if (H5Dread(dataset.id.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    file.fail("dataset " + name + " cannot be read");
  }
  for (std::size_t index = 0; index < count; index++) {
    values.push_back(trimmed(bytes.data() + index * dataset.itemBytes, dataset.itemBytes));
  }
  return values;
}

std::vector<double> readNumbers(File& file, const std::string& name) {
  std::unique_lock lock(hdf5Mutex());
  Dataset& dataset = file.dataset(name);
  const std::size_t count = itemsOf(dataset);
  const Slab whole{std::vector<hsize_t>(dataset.shape.size(), 0), dataset.shape};
  const Kind kind = dataset.kind;
  lock.unlock();

  std::vector<double> values(count);
  if (kind == Kind::Float) {
    readSlab(file, name, whole, {values.data(), count * 8, H5T_FLOAT, 8, true});
  } else if (kind == Kind::Integer) {
    std::vector<std::int64_t> integers(count);
    readSlab(file, name, whole, {integers.data(), count * 8, H5T_INTEGER, 8, true});
    for (std::size_t index = 0; index < count; index++) {
      if (integers[index] > EXACT_MAX || integers[index] < -EXACT_MAX) {
        throw Hdf5Error(file.path() + ": dataset " + name + " holds " +
                        std::to_string(integers[index]) + ", which is beyond 2^53");
      }
      values[index] = static_cast<double>(integers[index]);
    }
  } else if (kind == Kind::Boolean) {
    std::vector<std::int8_t> flags(count);
    readSlab(file, name, whole, {flags.data(), count, H5T_INTEGER, 1, true});
    std::copy(flags.begin(), flags.end(), values.begin());
  } else {
    throw Hdf5Error(file.path() + ": dataset " + name + " holds no numbers");
  }
  // What was read whole is not read again; an open dataset would keep its chunks in memory.
  std::unique_lock unused(file.inUse());
  lock.lock();
  file.forget(name);
  return values;
}

Extremes extremesOf(const float* values, std::size_t count) {
  std::int32_t absMax = 0;
  std::int32_t min = 0x7fffffff;
  for (std::size_t index = 0; index < count; index++) {
    std::int32_t bits;
    std::memcpy(&bits, values + index, sizeof bits);
    absMax = std::max(absMax, bits & 0x7fffffff);
    min = std::min(min, bits ^ ((bits >> 31) & 0x7fffffff));
  }
  min ^= (min >> 31) & 0x7fffffff;
  Extremes extremes{0, 0};
  std::memcpy(&extremes.absMax, &absMax, sizeof absMax);
  if (count > 0) std::memcpy(&extremes.min, &min, sizeof min);
  return extremes;
}

}  // namespace formats
