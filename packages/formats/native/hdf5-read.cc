// Reading boxes of datasets into caller memory.
//
// h5py chooses chunks of about 12 kB that split the polarizations, which libhdf5 scatters value by
// value. So unfiltered chunks whose bytes are already what memory wants are taken raw, a batch at a
// time, and scattered by the loops below without the lock; everything else goes through H5Dread.
#include <algorithm>
#include <cstring>

#include "hdf5-file.h"

namespace formats {
namespace {

constexpr std::size_t RANK_MAX = 8;
// Small enough for the second-level cache, large enough that the lock is seldom taken.
constexpr std::size_t BATCH_BYTES = 256 << 10;

bool sameBytes(const Dataset& dataset, const Memory& memory) {
  if (!dataset.littleEndian || dataset.componentBytes != memory.componentBytes) return false;
  if (dataset.kind == Kind::Boolean) return true;
  return dataset.componentClass == memory.componentClass && dataset.isSigned == memory.isSigned;
}

bool readsPlainChunks(const File& file, const Dataset& dataset, const Memory& memory) {
  return file.isReadOnly() && !dataset.chunk.empty() && dataset.filters.empty() &&
         dataset.shape.size() <= RANK_MAX && sameBytes(dataset, memory);
}

// The chunks a slab touches: first chunk and count of chunks along each axis.
struct ChunkRange {
  std::vector<hsize_t> first;
  std::vector<hsize_t> count;
};

ChunkRange chunksOf(const Dataset& dataset, const Slab& slab) {
  ChunkRange range;
  for (std::size_t axis = 0; axis < dataset.shape.size(); axis++) {
    const hsize_t edge = dataset.chunk[axis];
    const hsize_t first = slab.offset[axis] / edge;
    const hsize_t last = (slab.offset[axis] + slab.count[axis] - 1) / edge;
    range.first.push_back(first);
    range.count.push_back(last - first + 1);
  }
  return range;
}

// Calls visit(chunk coordinates) for each chunk of the range, in row-major order.
template <typename Visit>
void forEachChunk(const ChunkRange& range, Visit visit) {
  std::vector<hsize_t> chunk = range.first;
  while (true) {
    visit(chunk);
    std::size_t axis = chunk.size();
    while (axis > 0) {
      axis--;
      if (++chunk[axis] < range.first[axis] + range.count[axis]) break;
      chunk[axis] = range.first[axis];
      if (axis == 0) return;
    }
  }
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

// One batch of chunks: where each lies in the dataset and its bytes.
struct Batch {
  std::vector<std::vector<hsize_t>> chunks;
  std::vector<char> bytes;
};

std::size_t bytesOfChunk(const Dataset& dataset) {
  std::size_t bytes = dataset.itemBytes;
  for (const hsize_t edge : dataset.chunk) bytes *= edge;
  return bytes;
}

// Fills the batch under the lock. A chunk that was never written reads as zeros.
void fetch(const File& file, const std::string& name, const Dataset& dataset, Batch& batch) {
  std::lock_guard lock(hdf5Mutex());
  const std::size_t chunkBytes = bytesOfChunk(dataset);
  std::vector<hsize_t> start(dataset.chunk.size());
  char* target = batch.bytes.data();
  for (const std::vector<hsize_t>& chunk : batch.chunks) {
    for (std::size_t axis = 0; axis < start.size(); axis++) {
      start[axis] = chunk[axis] * dataset.chunk[axis];
    }
    std::uint32_t mask = 0;
    hsize_t stored = 0;
    if (H5Dget_chunk_storage_size(dataset.id.get(), start.data(), &stored) < 0) stored = 0;
    if (stored == 0) {
      std::memset(target, 0, chunkBytes);
    } else if (H5Dread_chunk(dataset.id.get(), H5P_DEFAULT, start.data(), &mask, target) < 0) {
      file.fail("dataset " + name + " cannot be read");
    }
    target += chunkBytes;
  }
}

void readPlainChunks(const File& file, const std::string& name, const Dataset& dataset,
                     const Slab& slab, const Memory& memory) {
  const std::size_t chunkBytes = bytesOfChunk(dataset);
  const std::size_t batchSize = std::max<std::size_t>(1, BATCH_BYTES / chunkBytes);
  Batch batch;
  batch.bytes.resize(batchSize * chunkBytes);
  const auto flush = [&] {
    fetch(file, name, dataset, batch);
    for (std::size_t index = 0; index < batch.chunks.size(); index++) {
      const Overlap overlap = overlapOf(dataset, slab, batch.chunks[index]);
      const char* from = batch.bytes.data() + index * chunkBytes;
      scatter(overlap, 0, from + overlap.from * dataset.itemBytes,
              static_cast<char*>(memory.data) + overlap.to * dataset.itemBytes, dataset.itemBytes);
    }
    batch.chunks.clear();
  };
  forEachChunk(chunksOf(dataset, slab), [&](const std::vector<hsize_t>& chunk) {
    batch.chunks.push_back(chunk);
    if (batch.chunks.size() == batchSize) flush();
  });
  if (!batch.chunks.empty()) flush();
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
  Dataset* dataset = nullptr;
  {
    std::lock_guard lock(hdf5Mutex());
    dataset = &file.dataset(name);
    checkSlab(file, name, *dataset, slab, memory);
    if (slab.itemCount() == 0) return;
    if (!readsPlainChunks(file, *dataset, memory)) {
      readThroughHdf5(file, name, *dataset, slab, memory);
      return;
    }
  }
  readPlainChunks(file, name, *dataset, slab, memory);
}

}  // namespace formats
