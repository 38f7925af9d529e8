// The JavaScript face of the addon: class Hdf5File, and the kernels of `correlate.h` and
// `place-subband.h`.
#include <napi.h>

#include "correlate-addon.h"
#include "hdf5-values.h"
#include "hdf5-write.h"
#include "place-subband-addon.h"
#include "subtract-sources-addon.h"

namespace formats {
namespace {

std::vector<hsize_t> toSizes(const Napi::Value& value) {
  std::vector<hsize_t> sizes;
  if (!value.IsArray()) return sizes;
  const auto array = value.As<Napi::Array>();
  for (std::uint32_t index = 0; index < array.Length(); index++) {
    const double size = Napi::Value(array[index]).ToNumber().DoubleValue();
    sizes.push_back(size < 0 ? H5S_UNLIMITED : static_cast<hsize_t>(size));
  }
  return sizes;
}

Napi::Array fromSizes(Napi::Env env, const std::vector<hsize_t>& sizes) {
  auto array = Napi::Array::New(env, sizes.size());
  for (std::uint32_t index = 0; index < sizes.size(); index++) {
    const bool unlimited = sizes[index] == H5S_UNLIMITED;
    array[index] = Napi::Number::New(env, unlimited ? -1.0 : static_cast<double>(sizes[index]));
  }
  return array;
}

Memory toMemory(const Napi::Value& value) {
  const auto array = value.As<Napi::TypedArray>();
  char* data = static_cast<char*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  const auto type = array.TypedArrayType();
  const bool isFloat = type == napi_float32_array || type == napi_float64_array;
  const bool isUnsigned = type == napi_uint8_array || type == napi_uint16_array ||
                          type == napi_uint32_array || type == napi_uint8_clamped_array ||
                          type == napi_biguint64_array;
  return {data, array.ByteLength(), isFloat ? H5T_FLOAT : H5T_INTEGER, array.ElementSize(),
          !isUnsigned};
}

Extremes extremesOf(const Memory& memory) {
  if (memory.componentClass != H5T_FLOAT || memory.componentBytes != 4) return {0, 0};
  return formats::extremesOf(static_cast<const float*>(memory.data), memory.bytes / 4);
}

Napi::Value fromExtremes(Napi::Env env, const Extremes& extremes) {
  auto result = Napi::Object::New(env);
  result["absMax"] = Napi::Number::New(env, extremes.absMax);
  result["min"] = Napi::Number::New(env, extremes.min);
  return result;
}

const char* kindName(Kind kind) {
  switch (kind) {
    case Kind::Float:
      return "float";
    case Kind::Integer:
      return "integer";
    case Kind::Boolean:
      return "boolean";
    case Kind::String:
      return "string";
    case Kind::Complex:
      return "complex";
    default:
      return "other";
  }
}

class SlabWorker : public Napi::AsyncWorker {
 public:
  SlabWorker(Napi::Env env, std::shared_ptr<File> file, std::string name, Slab slab,
             const Napi::Value& array, bool writes)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        file_(std::move(file)),
        name_(std::move(name)),
        slab_(std::move(slab)),
        memory_(toMemory(array)),
        array_(Napi::Persistent(array.As<Napi::Object>())),
        writes_(writes) {}

  Napi::Promise promise() { return deferred_.Promise(); }

  void Execute() override {
    if (writes_) {
      writeSlab(*file_, name_, slab_, memory_);
      return;
    }
    readSlab(*file_, name_, slab_, memory_);
    extremes_ = extremesOf(memory_);
  }

  void OnOK() override { deferred_.Resolve(fromExtremes(Env(), extremes_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<File> file_;
  std::string name_;
  Slab slab_;
  Memory memory_;
  Napi::ObjectReference array_;  // keeps the caller's memory alive
  bool writes_;
  Extremes extremes_{0, 0};
};

class Hdf5File : public Napi::ObjectWrap<Hdf5File> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports.Set("Hdf5File",
                DefineClass(env, "Hdf5File",
                            {
                                InstanceMethod("close", &Hdf5File::close),
                                InstanceMethod("exists", &Hdf5File::exists),
                                InstanceMethod("names", &Hdf5File::names),
                                InstanceMethod("describe", &Hdf5File::describe),
                                InstanceMethod("readNumbers", &Hdf5File::numbers),
                                InstanceMethod("readStrings", &Hdf5File::strings),
                                InstanceMethod("readSlab", &Hdf5File::read),
                                InstanceMethod("readSlabAsync", &Hdf5File::readAsync),
                                InstanceMethod("createGroup", &Hdf5File::group),
                                InstanceMethod("createDataset", &Hdf5File::create),
                                InstanceMethod("resize", &Hdf5File::setShape),
                                InstanceMethod("writeSlab", &Hdf5File::write),
                                InstanceMethod("writeSlabAsync", &Hdf5File::writeAsync),
                                InstanceMethod("writeStrings", &Hdf5File::putStrings),
                            }));
  }

  explicit Hdf5File(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Hdf5File>(info) {
    const std::string mode = info[1].ToString();
    file_ = guarded(info, [&] {
      return File::open(info[0].ToString(), mode == "create" ? File::Mode::Create : File::Mode::Read);
    });
  }

 private:
  // Turns C++ failures into JavaScript errors with the same words.
  template <typename Work>
  static auto guarded(const Napi::CallbackInfo& info, Work work) -> decltype(work()) {
    try {
      return work();
    } catch (const Napi::Error&) {
      throw;
    } catch (const std::exception& error) {
      throw Napi::Error::New(info.Env(), error.what());
    }
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    guarded(info, [&] { file_->close(); });
    return info.Env().Undefined();
  }

  Napi::Value exists(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), guarded(info, [&] {
      std::lock_guard lock(hdf5Mutex());
      return file_->exists(info[0].ToString());
    }));
  }

  Napi::Value names(const Napi::CallbackInfo& info) {
    return fromStrings(info.Env(), guarded(info, [&] {
      std::lock_guard lock(hdf5Mutex());
      return file_->names(info[0].ToString());
    }));
  }

  Napi::Value describe(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      std::lock_guard lock(hdf5Mutex());
      const Dataset& dataset = file_->dataset(info[0].ToString());
      const Napi::Env env = info.Env();
      auto result = Napi::Object::New(env);
      result["kind"] = Napi::String::New(env, kindName(dataset.kind));
      result["shape"] = fromSizes(env, dataset.shape);
      result["maxShape"] = fromSizes(env, dataset.maxShape);
      result["chunk"] = dataset.chunk.empty() ? env.Null() : Napi::Value(fromSizes(env, dataset.chunk));
      result["itemBytes"] = Napi::Number::New(env, static_cast<double>(dataset.itemBytes));
      result["componentIsFloat"] = Napi::Boolean::New(env, dataset.componentClass == H5T_FLOAT);
      result["isVariableLength"] = Napi::Boolean::New(env, dataset.variableLength);
      auto filters = Napi::Array::New(env);
      for (const Filter& filter : dataset.filters) {
        auto entry = Napi::Object::New(env);
        entry["id"] = Napi::Number::New(env, filter.id);
        entry["name"] = Napi::String::New(env, filter.name);
        filters[filters.Length()] = entry;
      }
      result["filters"] = filters;
      return result;
    });
  }

  Napi::Value numbers(const Napi::CallbackInfo& info) {
    const auto values = guarded(info, [&] { return readNumbers(*file_, info[0].ToString()); });
    auto array = Napi::Float64Array::New(info.Env(), values.size());
    std::copy(values.begin(), values.end(), array.Data());
    return array;
  }

  Napi::Value strings(const Napi::CallbackInfo& info) {
    return fromStrings(info.Env(),
                       guarded(info, [&] { return readStrings(*file_, info[0].ToString()); }));
  }

  Napi::Value read(const Napi::CallbackInfo& info) {
    return guarded(info, [&]() -> Napi::Value {
      const Memory memory = toMemory(info[3]);
      readSlab(*file_, info[0].ToString(), {toSizes(info[1]), toSizes(info[2])}, memory);
      return fromExtremes(info.Env(), extremesOf(memory));
    });
  }

  Napi::Value write(const Napi::CallbackInfo& info) {
    guarded(info, [&] {
      writeSlab(*file_, info[0].ToString(), {toSizes(info[1]), toSizes(info[2])}, toMemory(info[3]));
    });
    return info.Env().Undefined();
  }

  Napi::Value readAsync(const Napi::CallbackInfo& info) { return queue(info, false); }
  Napi::Value writeAsync(const Napi::CallbackInfo& info) { return queue(info, true); }

  Napi::Value queue(const Napi::CallbackInfo& info, bool writes) {
    auto* worker = new SlabWorker(info.Env(), file_, info[0].ToString(),
                                  {toSizes(info[1]), toSizes(info[2])}, info[3], writes);
    const auto promise = worker->promise();
    worker->Queue();
    return promise;
  }

  Napi::Value group(const Napi::CallbackInfo& info) {
    guarded(info, [&] { createGroup(*file_, info[0].ToString()); });
    return info.Env().Undefined();
  }

  Napi::Value create(const Napi::CallbackInfo& info) {
    const auto wanted = info[1].As<Napi::Object>();
    NewDataset dataset;
    dataset.type = Napi::Value(wanted["type"]).ToString();
    const Napi::Value stringBytes = wanted["stringBytes"];
    if (stringBytes.IsNumber()) dataset.stringBytes = stringBytes.ToNumber().Uint32Value();
    dataset.shape = toSizes(wanted["shape"]);
    dataset.maxShape = toSizes(wanted["maxShape"]);
    dataset.chunk = toSizes(wanted["chunk"]);
    guarded(info, [&] { createDataset(*file_, info[0].ToString(), dataset); });
    return info.Env().Undefined();
  }

  Napi::Value setShape(const Napi::CallbackInfo& info) {
    guarded(info, [&] { resize(*file_, info[0].ToString(), toSizes(info[1])); });
    return info.Env().Undefined();
  }

  Napi::Value putStrings(const Napi::CallbackInfo& info) {
    std::vector<std::string> values;
    const auto array = info[1].As<Napi::Array>();
    for (std::uint32_t index = 0; index < array.Length(); index++) {
      values.push_back(Napi::Value(array[index]).ToString());
    }
    guarded(info, [&] { writeStrings(*file_, info[0].ToString(), values); });
    return info.Env().Undefined();
  }

  static Napi::Array fromStrings(Napi::Env env, const std::vector<std::string>& values) {
    auto array = Napi::Array::New(env, values.size());
    for (std::uint32_t index = 0; index < values.size(); index++) {
      array[index] = Napi::String::New(env, values[index]);
    }
    return array;
  }

  std::shared_ptr<File> file_;
};

Napi::Object define(Napi::Env env, Napi::Object exports) {
  registerFilters();
  Hdf5File::define(env, exports);
  defineCorrelate(env, exports);
  definePlaceSubband(env, exports);
  defineSubtractSources(env, exports);
  return exports;
}

}  // namespace
}  // namespace formats

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  return formats::define(env, exports);
}

NODE_API_MODULE(hdf5, initialize)
