// The LZF filter (id 32000) that h5py uses, on liblzf.
//
// Client values: [0] filter revision, [1] liblzf version, [2] bytes of one chunk. Facts from the
// HDF Group's filter registry and from files that h5py wrote.
#include <liblzf/lzf.h>

#include <cerrno>
#include <cstdlib>

#include "hdf5-file.h"

namespace formats {
namespace {

constexpr H5Z_filter_t LZF_FILTER_ID = 32000;
constexpr std::size_t CHUNK_BYTES_MAX = std::size_t{1} << 32;

std::size_t decompress(std::size_t byteCount, std::size_t guessBytes, std::size_t* bufferBytes,
                       void** buffer) {
  for (std::size_t outBytes = guessBytes; outBytes <= CHUNK_BYTES_MAX; outBytes *= 2) {
    void* out = std::malloc(outBytes);
    if (out == nullptr) return 0;
    errno = 0;
    const unsigned written = lzf_decompress(*buffer, static_cast<unsigned>(byteCount), out,
                                            static_cast<unsigned>(outBytes));
    if (written > 0) {
      std::free(*buffer);
      *buffer = out;
      *bufferBytes = outBytes;
      return written;
    }
    std::free(out);
    if (errno != E2BIG) return 0;
  }
  return 0;
}

std::size_t compress(std::size_t byteCount, std::size_t* bufferBytes, void** buffer) {
  // Output that would not be smaller is refused; libhdf5 then stores the chunk as it is.
  void* out = std::malloc(byteCount);
  if (out == nullptr) return 0;
  const unsigned written = lzf_compress(*buffer, static_cast<unsigned>(byteCount), out,
                                        static_cast<unsigned>(byteCount - 1));
  if (written == 0) {
    std::free(out);
    return 0;
  }
  std::free(*buffer);
  *buffer = out;
  *bufferBytes = byteCount;
  return written;
}

std::size_t lzfFilter(unsigned flags, std::size_t valueCount, const unsigned values[],
                      std::size_t byteCount, std::size_t* bufferBytes, void** buffer) {
  if (flags & H5Z_FLAG_REVERSE) {
    const bool known = valueCount >= 3 && values[2] != 0;
    return decompress(byteCount, known ? values[2] : *bufferBytes, bufferBytes, buffer);
  }
  return compress(byteCount, bufferBytes, buffer);
}

}  // namespace

void registerFilters() {
  // A file whose last flush failed, on a full disk, would be flushed again when the process exits,
  // and crash it there. Every file is closed by its owner, so there is nothing left to do at exit.
  H5dont_atexit();
  static const H5Z_class2_t LZF = {
      H5Z_CLASS_T_VERS, LZF_FILTER_ID, 1, 1, "lzf", nullptr, nullptr, lzfFilter,
  };
  std::lock_guard lock(hdf5Mutex());
  H5open();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5Zregister(&LZF);
}

}  // namespace formats
