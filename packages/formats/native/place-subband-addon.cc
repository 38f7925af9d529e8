// The JavaScript face of `place-subband.h`: placeSubband(block, layout, rotation, band) → promise.
#include "place-subband-addon.h"

#include <algorithm>
#include <string>
#include <vector>

#include "place-subband.h"

namespace formats {
namespace {

// Runs on a thread of libuv's; the arrays belong to it until the promise settles.
class PlaceWorker : public Napi::AsyncWorker {
 public:
  explicit PlaceWorker(const Napi::CallbackInfo& info)
      : Napi::AsyncWorker(info.Env()), deferred_(Napi::Promise::Deferred::New(info.Env())) {
    const auto block = info[0].As<Napi::Object>();
    const auto layout = info[1].As<Napi::Object>();
    const auto rotation = info[2].As<Napi::Object>();
    const auto band = info[3].As<Napi::Object>();
    readLayout(layout);
    const std::size_t perBaseline = work_.baselineCount * work_.polarizationCount;
    const std::size_t blockItems = perBaseline * work_.channelCount;
    const std::size_t bandItems = perBaseline * work_.bandChannelCount;
    work_.vis = hold<float>(block, "vis", 2 * blockItems);
    work_.flags = hold<std::uint8_t>(block, "flags", blockItems);
    work_.nsamples = hold<float>(block, "nsamples", blockItems);
    readRotation(rotation);
    work_.bandVis = hold<float>(band, "vis", 2 * bandItems);
    work_.bandFlags = hold<std::uint8_t>(band, "flags", bandItems);
    const bool hasWeights = band.Get("weights").As<Napi::TypedArray>().ElementLength() > 0;
    work_.bandWeights =
        hasWeights ? hold<float>(band, "weights", bandItems) : nullptr;
  }

  Napi::Promise promise() { return deferred_.Promise(); }

  void Execute() override { flaggedCount_ = placeSubband(work_); }
  void OnOK() override {
    deferred_.Resolve(Napi::Number::New(Env(), static_cast<double>(flaggedCount_)));
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  void readLayout(const Napi::Object& layout) {
    const auto count = [&](const char* name) -> std::size_t {
      return layout.Get(name).ToNumber().Uint32Value();
    };
    const auto source = layout.Get("polarizationSource").As<Napi::TypedArray>();
    work_.baselineCount = count("baselineCount");
    work_.channelCount = count("channelCount");
    work_.firstChannel = count("firstChannel");
    work_.bandChannelCount = count("bandChannelCount");
    work_.isDescending = layout.Get("isDescending").ToBoolean();
    work_.polarizationCount = source.ElementLength();
    work_.polarizationSource =
        hold<std::int32_t>(layout, "polarizationSource", work_.polarizationCount);
    require(work_.firstChannel + work_.channelCount <= work_.bandChannelCount,
            "the subband's channels are not within the band");
    requireBelow(work_.polarizationSource, work_.polarizationCount, work_.polarizationCount);
  }

  void readRotation(const Napi::Object& rotation) {
    const std::size_t phasorCount =
        rotation.Get("phasors").As<Napi::TypedArray>().ElementLength();
    const std::size_t antennaCount = phasorCount / (2 * work_.bandChannelCount);
    work_.phasors = hold<double>(rotation, "phasors",
                                             2 * work_.bandChannelCount * antennaCount);
    work_.antenna1 = hold<std::int32_t>(rotation, "antenna1", work_.baselineCount);
    work_.antenna2 = hold<std::int32_t>(rotation, "antenna2", work_.baselineCount);
    requireBelow(work_.antenna1, work_.baselineCount, antennaCount);
    requireBelow(work_.antenna2, work_.baselineCount, antennaCount);
  }

  // The data of a typed array of exactly this length, which stays alive as long as the work does.
  template <typename Value>
  Value* hold(const Napi::Object& owner, const char* name, std::size_t length) {
    const Napi::Value array = owner.Get(name);
    require(array.IsTypedArray() && array.As<Napi::TypedArray>().ElementLength() == length,
            std::string(name) + " does not hold " + std::to_string(length) + " values");
    held_.push_back(Napi::Persistent(array.As<Napi::Object>()));
    return array.As<Napi::TypedArrayOf<Value>>().Data();
  }

  void requireBelow(const std::int32_t* indices, std::size_t count, std::size_t limit) {
    const bool isBelow = std::all_of(indices, indices + count, [&](std::int32_t index) {
      return index >= 0 && static_cast<std::size_t>(index) < limit;
    });
    require(isBelow, "an antenna or a polarization is not in the arrays");
  }

  void require(bool isTrue, const std::string& otherwise) {
    if (!isTrue) throw Napi::RangeError::New(Env(), "placeSubband: " + otherwise);
  }

  Napi::Promise::Deferred deferred_;
  std::vector<Napi::ObjectReference> held_;
  SubbandPlacement work_{};
  std::size_t flaggedCount_ = 0;
};

Napi::Value placeSubbandFromJavaScript(const Napi::CallbackInfo& info) {
  auto* worker = new PlaceWorker(info);
  const auto promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace

void definePlaceSubband(Napi::Env env, Napi::Object exports) {
  exports.Set("placeSubband",
              Napi::Function::New(env, placeSubbandFromJavaScript, "placeSubband"));
}

}  // namespace formats
