// Reading boxes of datasets into caller memory.
//
// h5py chooses chunks of about 12 kB that split the polarizations, which libhdf5 scatters value by
// value. So unfiltered chunks whose bytes are already what memory wants are found through libhdf5
// once, then read with pread and scattered by the loops below; everything else goes through H5Dread.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "hdf5-file.h"

namespace formats {
namespace {

constexpr std::size_t RANK_MAX = 8;

bool sameBytes(const Dataset& dataset, const Memory& memory) {
  if (!dataset.littleEndian || dataset.componentBytes != memory.componentBytes) return false;
  if (dataset.kind == Kind::Boolean) return true;
  return dataset.componentClass == memory.componentClass && dataset.isSigned == memory.isSigned;
}

bool readsPlainChunks(const File& file, const Dataset& dataset, const Memory& memory) {
  return file.descriptor() >= 0 && !dataset.chunk.empty() && dataset.filters.empty() &&
         dataset.shape.size() <= RANK_MAX && sameBytes(dataset, memory);
}

// The chunks a slab touches: first chunk and count of chunks along each axis.
struct ChunkRange {
  std::vector<hsize_t> first;
  std::vector<hsize_t> count;
  std::vector<hsize_t> total;
};

ChunkRange chunksOf(const Dataset& dataset, const Slab& slab) {
  ChunkRange range;
  for (std::size_t axis = 0; axis < dataset.shape.size(); axis++) {
    const hsize_t edge = dataset.chunk[axis];
    const hsize_t first = slab.offset[axis] / edge;
    const hsize_t last = (slab.offset[axis] + slab.count[axis] - 1) / edge;
    range.first.push_back(first);
    range.count.push_back(last - first + 1);
    range.total.push_back((dataset.shape[axis] + edge - 1) / edge);
  }
  return range;
}

// Calls visit(chunk coordinates, row-major chunk number) for each chunk of the range.
template <typename Visit>
void forEachChunk(const ChunkRange& range, Visit visit) {
  std::vector<hsize_t> chunk = range.first;
  const std::size_t rank = chunk.size();
  while (true) {
    hsize_t number = 0;
    for (std::size_t axis = 0; axis < rank; axis++) number = number * range.total[axis] + chunk[axis];
    visit(chunk, static_cast<std::size_t>(number));
    std::size_t axis = rank;
    while (axis > 0) {
      axis--;
      if (++chunk[axis] < range.first[axis] + range.count[axis]) break;
      chunk[axis] = range.first[axis];
      if (axis == 0) return;
    }
  }
}

// False when a chunk is absent or not at a plain address; H5Dread knows what to do then.
bool findAddresses(Dataset& dataset, const ChunkRange& range) {
  std::size_t total = 1;
  for (const hsize_t count : range.total) total *= count;
  if (dataset.chunkAddresses.empty()) dataset.chunkAddresses.assign(total, HADDR_UNDEF);
  bool found = true;
  std::vector<hsize_t> coordinates(dataset.shape.size());
  forEachChunk(range, [&](const std::vector<hsize_t>& chunk, std::size_t number) {
    if (!found || dataset.chunkAddresses[number] != HADDR_UNDEF) return;
    for (std::size_t axis = 0; axis < chunk.size(); axis++) {
      coordinates[axis] = chunk[axis] * dataset.chunk[axis];
    }
    unsigned mask = 0;
    haddr_t address = HADDR_UNDEF;
    hsize_t bytes = 0;
    const herr_t status = H5Dget_chunk_info_by_coord(dataset.id.get(), coordinates.data(), &mask,
                                                     &address, &bytes);
    found = status >= 0 && address != HADDR_UNDEF && bytes > 0;
    dataset.chunkAddresses[number] = address;
  });
  if (!found) H5Eclear2(H5E_DEFAULT);
  return found;
}

template <typename Item>
void copyRun(const char* from, char* to, std::size_t count, std::size_t fromStep,
             std::size_t toStep) {
  const Item* source = reinterpret_cast<const Item*>(from);
  Item* target = reinterpret_cast<Item*>(to);
  for (std::size_t index = 0; index < count; index++) {
    target[index * toStep] = source[index * fromStep];
  }
}

void copyItems(const char* from, char* to, std::size_t count, std::size_t fromStep,
               std::size_t toStep, std::size_t itemBytes) {
  if (fromStep == 1 && toStep == 1) {
    std::memcpy(to, from, count * itemBytes);
    return;
  }
  switch (itemBytes) {
    case 1:
      return copyRun<std::uint8_t>(from, to, count, fromStep, toStep);
    case 4:
      return copyRun<std::uint32_t>(from, to, count, fromStep, toStep);
    case 8:
      return copyRun<std::uint64_t>(from, to, count, fromStep, toStep);
    default:
      for (std::size_t index = 0; index < count; index++) {
        std::memcpy(to + index * toStep * itemBytes, from + index * fromStep * itemBytes, itemBytes);
      }
  }
}

// The common box of one chunk and the slab, as extents and steps in items.
struct Overlap {
  std::size_t extent[RANK_MAX];
  std::size_t fromStep[RANK_MAX];
  std::size_t toStep[RANK_MAX];
  std::size_t from = 0;
  std::size_t to = 0;
  std::size_t rank = 0;
};

Overlap overlapOf(const Dataset& dataset, const Slab& slab, const std::vector<hsize_t>& chunk) {
  Overlap overlap;
  std::size_t fromStep = 1;
  std::size_t toStep = 1;
  const std::size_t rank = dataset.shape.size();
  std::size_t kept[RANK_MAX] = {};
  std::size_t fromSteps[RANK_MAX] = {};
  std::size_t toSteps[RANK_MAX] = {};
  for (std::size_t axis = rank; axis-- > 0;) {
    const hsize_t chunkStart = chunk[axis] * dataset.chunk[axis];
    const hsize_t start = std::max(chunkStart, slab.offset[axis]);
    const hsize_t end = std::min(chunkStart + dataset.chunk[axis], slab.offset[axis] + slab.count[axis]);
    overlap.from += (start - chunkStart) * fromStep;
    overlap.to += (start - slab.offset[axis]) * toStep;
    kept[axis] = end - start;
    fromSteps[axis] = fromStep;
    toSteps[axis] = toStep;
    fromStep *= dataset.chunk[axis];
    toStep *= slab.count[axis];
  }
  // Axes of one item carry no loop; dropping them leaves the longest possible inner run.
  for (std::size_t axis = 0; axis < rank; axis++) {
    if (kept[axis] == 1) continue;
    overlap.extent[overlap.rank] = kept[axis];
    overlap.fromStep[overlap.rank] = fromSteps[axis];
    overlap.toStep[overlap.rank] = toSteps[axis];
    overlap.rank++;
  }
  return overlap;
}

void scatter(const Overlap& overlap, std::size_t axis, const char* from, char* to,
             std::size_t itemBytes) {
  if (overlap.rank == 0) {
    std::memcpy(to, from, itemBytes);
    return;
  }
  if (axis + 1 == overlap.rank) {
    copyItems(from, to, overlap.extent[axis], overlap.fromStep[axis], overlap.toStep[axis],
              itemBytes);
    return;
  }
  for (std::size_t index = 0; index < overlap.extent[axis]; index++) {
    scatter(overlap, axis + 1, from + index * overlap.fromStep[axis] * itemBytes,
            to + index * overlap.toStep[axis] * itemBytes, itemBytes);
  }
}

void preadAll(const File& file, const std::string& name, char* buffer, std::size_t bytes,
              haddr_t address) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::pread(file.descriptor(), buffer + done, bytes - done,
                                static_cast<off_t>(address + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw Hdf5Error(file.path() + ": dataset " + name + " ends at byte " +
                      std::to_string(address + done) + " of the file: " +
                      (got < 0 ? std::strerror(errno) : "the file is truncated"));
    }
    done += static_cast<std::size_t>(got);
  }
}

void readPlainChunks(const File& file, const std::string& name, const Dataset& dataset,
                     const Slab& slab, const ChunkRange& range, const Memory& memory) {
  std::size_t chunkBytes = dataset.itemBytes;
  for (const hsize_t edge : dataset.chunk) chunkBytes *= edge;
  std::vector<char> buffer(chunkBytes);
  forEachChunk(range, [&](const std::vector<hsize_t>& chunk, std::size_t number) {
    preadAll(file, name, buffer.data(), chunkBytes, dataset.chunkAddresses[number]);
    const Overlap overlap = overlapOf(dataset, slab, chunk);
    scatter(overlap, 0, buffer.data() + overlap.from * dataset.itemBytes,
            static_cast<char*>(memory.data) + overlap.to * dataset.itemBytes, dataset.itemBytes);
  });
}

void readThroughHdf5(const File& file, const std::string& name, const Dataset& dataset,
                     const Slab& slab, const Memory& memory) {
  file.requireFilters(name, dataset);
  Handle fileSpace(H5Dget_space(dataset.id.get()), H5Sclose);
  Handle memorySpace(H5S_ALL, nullptr);
  if (!slab.offset.empty()) {
    H5Sselect_hyperslab(fileSpace.get(), H5S_SELECT_SET, slab.offset.data(), nullptr,
                        slab.count.data(), nullptr);
    memorySpace = Handle(
        H5Screate_simple(static_cast<int>(slab.count.size()), slab.count.data(), nullptr), H5Sclose);
  }
  Handle type = memoryType(dataset, memory);
  const hid_t memorySpaceId = slab.offset.empty() ? H5S_ALL : memorySpace.get();
  const hid_t fileSpaceId = slab.offset.empty() ? H5S_ALL : fileSpace.get();
  if (H5Dread(dataset.id.get(), type.get(), memorySpaceId, fileSpaceId, H5P_DEFAULT, memory.data) <
      0) {
    file.fail("dataset " + name + " cannot be read");
  }
}

}  // namespace

void readSlab(File& file, const std::string& name, const Slab& slab, const Memory& memory) {
  std::shared_lock inUse(file.inUse());
  ChunkRange range;
  Dataset* dataset = nullptr;
  {
    std::lock_guard lock(hdf5Mutex());
    dataset = &file.dataset(name);
    checkSlab(file, name, *dataset, slab, memory);
    if (slab.itemCount() == 0) return;
    const bool plain = readsPlainChunks(file, *dataset, memory);
    if (plain) range = chunksOf(*dataset, slab);
    if (!plain || !findAddresses(*dataset, range)) {
      readThroughHdf5(file, name, *dataset, slab, memory);
      return;
    }
  }
  readPlainChunks(file, name, *dataset, slab, range, memory);
}

}  // namespace formats
