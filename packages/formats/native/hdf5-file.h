// One open HDF5 file and what is known of its datasets.
//
// libhdf5 as Debian builds it is not thread-safe: every call into it holds `hdf5Mutex()`.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace formats {

std::mutex& hdf5Mutex();

// A failure with the file, the dataset and libhdf5's own words.
class Hdf5Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The innermost message on libhdf5's error stack; clears the stack. Caller holds the mutex.
std::string takeHdf5Message();

// An hid_t that is closed once. Caller holds the mutex when it dies.
class Handle {
 public:
  Handle() = default;
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept { *this = std::move(other); }
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0 && close_ != nullptr) close_(id_);
  }
  hid_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  herr_t (*close_)(hid_t) = nullptr;
};

enum class Kind { Float, Integer, Boolean, String, Complex, Other };

struct Filter {
  int id;
  std::string name;
};

struct Dataset {
  Handle id;
  Kind kind = Kind::Other;
  std::vector<hsize_t> shape;
  std::vector<hsize_t> maxShape;
  std::vector<hsize_t> chunk;  // empty when not chunked
  std::vector<Filter> filters;
  std::size_t itemBytes = 0;
  // For Complex, of one component.
  H5T_class_t componentClass = H5T_NO_CLASS;
  std::size_t componentBytes = 0;
  bool variableLength = false;
  bool isSigned = true;
  // The bytes in the file are what a little-endian machine holds in memory.
  bool littleEndian = false;
};

class File {
 public:
  enum class Mode { Read, Create };

  static std::shared_ptr<File> open(const std::string& path, Mode mode);
  ~File();
  File(const File&) = delete;

  void close();
  const std::string& path() const { return path_; }
  hid_t id() const { return id_; }
  bool isReadOnly() const { return readOnly_; }

  // The following are called with the mutex held.
  bool exists(const std::string& name) const;
  std::vector<std::string> names(const std::string& group) const;
  Dataset& dataset(const std::string& name);
  void forget(const std::string& name) { datasets_.erase(name); }
  // Throws naming the first filter that this process cannot decode.
  void requireFilters(const std::string& name, const Dataset& dataset) const;
  [[noreturn]] void fail(const std::string& what) const;
  void requireOpen() const;

  // Held shared while a slab is read or written, so that close() waits for reads on other threads.
  std::shared_mutex& inUse() { return inUse_; }

 private:
  File() = default;
  std::string path_;
  hid_t id_ = -1;
  bool readOnly_ = true;
  std::shared_mutex inUse_;
  std::unordered_map<std::string, std::unique_ptr<Dataset>> datasets_;
};

// A box in a dataset: offset and count have the dataset's rank.
struct Slab {
  std::vector<hsize_t> offset;
  std::vector<hsize_t> count;
  std::size_t itemCount() const;
};

// What lies in the caller's typed array: `kind` with components of `componentBytes`.
struct Memory {
  void* data;
  std::size_t bytes;
  H5T_class_t componentClass;  // H5T_FLOAT or H5T_INTEGER
  std::size_t componentBytes;
  bool isSigned;
};

void readSlab(File& file, const std::string& name, const Slab& slab, const Memory& memory);
void writeSlab(File& file, const std::string& name, const Slab& slab, const Memory& memory);
Handle memoryType(const Dataset& dataset, const Memory& memory);
void checkSlab(const File& file, const std::string& name, const Dataset& dataset,
               const Slab& slab, const Memory& memory);

// Registers LZF (filter 32000) with libhdf5 and turns its error printing off.
void registerFilters();

}  // namespace formats
