// The JavaScript face of the correlator: correlate(options, vis).
#include "correlate-addon.h"

#include <string>

#include "correlate.h"

namespace formats {
namespace {

std::size_t countOf(const Napi::Object& options, const char* name) {
  return options.Get(name).ToNumber().Uint32Value();
}

// The data of a typed array of exactly the wanted type and length.
template <typename Array>
auto dataOf(const Napi::Object& options, const char* name, std::size_t length) {
  const Napi::Value value = options.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().ElementLength() != length) {
    throw Napi::RangeError::New(options.Env(), std::string("correlate: ") + name +
                                                   " does not hold " + std::to_string(length) +
                                                   " values");
  }
  return value.As<Array>().Data();
}

Napi::Value correlateFromJavaScript(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  Correlation c{};
  c.antennaCount = countOf(options, "antennaCount");
  c.sourceCount = countOf(options, "sourceCount");
  c.timeCount = countOf(options, "timeCount");
  c.channelCount = countOf(options, "channelCount");
  c.polarizationCount = countOf(options, "polarizationCount");
  const std::size_t cells = c.timeCount * c.channelCount * c.polarizationCount;
  const std::size_t baselineCount = c.antennaCount * (c.antennaCount + 1) / 2;
  const std::size_t timeSources = c.timeCount * c.sourceCount;
  c.frequencyHz = dataOf<Napi::Float64Array>(options, "frequencyHz", c.channelCount);
  c.positionsM = dataOf<Napi::Float64Array>(options, "positionsM", 3 * c.antennaCount);
  c.directions = dataOf<Napi::Float64Array>(options, "directions", 3 * timeSources);
  c.fluxJy = dataOf<Napi::Float32Array>(options, "fluxJy", timeSources * c.channelCount);
  c.skyResponse = dataOf<Napi::Float32Array>(options, "skyResponse", c.antennaCount);
  c.gains = dataOf<Napi::Float32Array>(options, "gains", 2 * cells * c.antennaCount);
  c.vis = dataOf<Napi::Float32Array>(options, "vis", 2 * cells * baselineCount);
  c.noiseJy = options.Get("noiseJy").ToNumber().FloatValue();
  c.systemJy = options.Get("systemJy").ToNumber().FloatValue();
  c.autoNoiseJy = options.Get("autoNoiseJy").ToNumber().FloatValue();
  c.seed = static_cast<std::uint64_t>(options.Get("seed").ToNumber().Int64Value());
  correlate(c);
  return info.Env().Undefined();
}

}  // namespace

void defineCorrelate(Napi::Env env, Napi::Object exports) {
  exports.Set("correlate", Napi::Function::New(env, correlateFromJavaScript, "correlate"));
}

}  // namespace formats
