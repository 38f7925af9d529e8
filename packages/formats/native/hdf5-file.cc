// Opening files and describing datasets.
#include "hdf5-file.h"

#include <algorithm>

namespace formats {

std::mutex& hdf5Mutex() {
  static std::mutex mutex;
  return mutex;
}

namespace {

herr_t keepInnermost(unsigned depth, const H5E_error2_t* error, void* out) {
  // Walked upward, the first entry is the one nearest to the cause.
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
  return 0;
}

herr_t collectName(hid_t, const char* name, const H5L_info_t*, void* out) {
  static_cast<std::vector<std::string>*>(out)->push_back(name);
  return 0;
}

// The cache must hold every filtered chunk that a row range crosses, or each is decoded again for
// the next range.
constexpr std::size_t CHUNK_CACHE_BYTES = 32u << 20;
constexpr std::size_t CHUNK_CACHE_SLOTS = 24593;  // prime, far above the chunk count of a band

bool isComplex(hid_t type) {
  if (H5Tget_class(type) != H5T_COMPOUND || H5Tget_nmembers(type) != 2) return false;
  const int re = H5Tget_member_index(type, "r");
  const int im = H5Tget_member_index(type, "i");
  return re == 0 && im == 1;
}

bool isBoolean(hid_t type) {
  return H5Tget_class(type) == H5T_ENUM && H5Tget_nmembers(type) == 2 && H5Tget_size(type) == 1;
}

void describeType(Dataset& dataset, hid_t type) {
  dataset.itemBytes = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      dataset.kind = Kind::Float;
      break;
    case H5T_INTEGER:
      dataset.kind = Kind::Integer;
      dataset.isSigned = H5Tget_sign(type) == H5T_SGN_2;
      break;
    case H5T_STRING:
      dataset.kind = Kind::String;
      dataset.variableLength = H5Tis_variable_str(type) > 0;
      break;
    case H5T_ENUM:
      dataset.kind = isBoolean(type) ? Kind::Boolean : Kind::Other;
      break;
    case H5T_COMPOUND:
      dataset.kind = isComplex(type) ? Kind::Complex : Kind::Other;
      break;
    default:
      dataset.kind = Kind::Other;
  }
  if (dataset.kind == Kind::Complex) {
    Handle component(H5Tget_member_type(type, 0), H5Tclose);
    dataset.componentClass = H5Tget_class(component.get());
    dataset.componentBytes = H5Tget_size(component.get());
    dataset.littleEndian = H5Tget_order(component.get()) == H5T_ORDER_LE &&
                           dataset.itemBytes == 2 * dataset.componentBytes;
  } else {
    dataset.componentClass = H5Tget_class(type);
    dataset.componentBytes = dataset.itemBytes;
    dataset.littleEndian = dataset.itemBytes == 1 || H5Tget_order(type) == H5T_ORDER_LE;
  }
}

void describeLayout(Dataset& dataset, hid_t plist) {
  if (H5Pget_layout(plist) == H5D_CHUNKED) {
    dataset.chunk.resize(dataset.shape.size());
    H5Pget_chunk(plist, static_cast<int>(dataset.chunk.size()), dataset.chunk.data());
  }
  const int filterCount = H5Pget_nfilters(plist);
  for (int index = 0; index < filterCount; index++) {
    unsigned flags = 0;
    unsigned config = 0;
    std::size_t valueCount = 0;
    char name[64] = "";
    const H5Z_filter_t id = H5Pget_filter2(plist, static_cast<unsigned>(index), &flags,
                                           &valueCount, nullptr, sizeof name, name, &config);
    dataset.filters.push_back({static_cast<int>(id), name});
  }
}

}  // namespace

std::string takeHdf5Message() {
  std::string message;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keepInnermost, &message);
  H5Eclear2(H5E_DEFAULT);
  // libhdf5 puts a line end behind the time of day.
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message.empty() ? "no reason given by libhdf5" : message;
}

std::shared_ptr<File> File::open(const std::string& path, Mode mode) {
  // Before the lock, so that a file which fails to open dies after it is released.
  std::shared_ptr<File> file(new File());
  std::lock_guard lock(hdf5Mutex());
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Files are read on network mounts without locks, as the telescope's own tools do.
  H5Pset_file_locking(access.get(), false, true);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  file->path_ = path;
  file->id_ = mode == Mode::Read
                  ? H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get())
                  : H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get());
  if (file->id_ < 0) file->fail(mode == Mode::Read ? "cannot be opened as HDF5" : "cannot be created");
  file->readOnly_ = mode == Mode::Read;
  return file;
}

File::~File() {
  try {
    close();
  } catch (const Hdf5Error&) {
    // Only an explicit close() reports; a file forgotten by its owner has nobody to tell.
  }
}

void File::close() {
  std::unique_lock unused(inUse_);
  std::lock_guard lock(hdf5Mutex());
  datasets_.clear();
  if (id_ < 0) return;
  const herr_t status = H5Fclose(id_);
  id_ = -1;
  // Closing writes what is buffered: a full disk shows itself here.
  if (status < 0) fail("cannot be closed");
}

void File::fail(const std::string& what) const {
  throw Hdf5Error(path_ + ": " + what + ": " + takeHdf5Message());
}

void File::requireOpen() const {
  if (id_ < 0) throw Hdf5Error(path_ + ": is closed");
}

bool File::exists(const std::string& name) const {
  requireOpen();
  // H5Lexists wants every intermediate group to exist.
  for (std::size_t at = name.find('/', 1);; at = name.find('/', at + 1)) {
    const std::string part = name.substr(0, at);
    if (H5Lexists(id_, part.c_str(), H5P_DEFAULT) <= 0) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    if (at == std::string::npos) return true;
  }
}

std::vector<std::string> File::names(const std::string& group) const {
  requireOpen();
  std::vector<std::string> names;
  Handle handle(H5Gopen2(id_, group.c_str(), H5P_DEFAULT), H5Gclose);
  if (!handle.valid()) fail("group " + group + " cannot be opened");
  hsize_t index = 0;
  if (H5Literate(handle.get(), H5_INDEX_NAME, H5_ITER_INC, &index, collectName, &names) < 0) {
    fail("group " + group + " cannot be listed");
  }
  return names;
}

Dataset& File::dataset(const std::string& name) {
  requireOpen();
  auto found = datasets_.find(name);
  if (found != datasets_.end()) return *found->second;
  if (!exists(name)) throw Hdf5Error(path_ + ": has no dataset " + name);

  auto dataset = std::make_unique<Dataset>();
  Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_chunk_cache(access.get(), CHUNK_CACHE_SLOTS, CHUNK_CACHE_BYTES, 1.0);
  dataset->id = Handle(H5Dopen2(id_, name.c_str(), access.get()), H5Dclose);
  if (!dataset->id.valid()) fail("dataset " + name + " cannot be opened");
  Handle space(H5Dget_space(dataset->id.get()), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  dataset->shape.resize(static_cast<std::size_t>(rank));
  dataset->maxShape.resize(static_cast<std::size_t>(rank));
  H5Sget_simple_extent_dims(space.get(), dataset->shape.data(), dataset->maxShape.data());
  Handle type(H5Dget_type(dataset->id.get()), H5Tclose);
  describeType(*dataset, type.get());
  Handle plist(H5Dget_create_plist(dataset->id.get()), H5Pclose);
  describeLayout(*dataset, plist.get());
  return *datasets_.emplace(name, std::move(dataset)).first->second;
}

void File::requireFilters(const std::string& name, const Dataset& dataset) const {
  for (const Filter& filter : dataset.filters) {
    if (H5Zfilter_avail(filter.id) > 0) continue;
    H5Eclear2(H5E_DEFAULT);
    throw Hdf5Error(path_ + ": dataset " + name + " is stored with HDF5 filter " +
                    std::to_string(filter.id) + " (" +
                    (filter.name.empty() ? "unnamed" : filter.name) +
                    "), whose plugin is not installed on this machine");
  }
}

}  // namespace formats
