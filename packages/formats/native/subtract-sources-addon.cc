// The JavaScript face of `subtract-sources.h`: subtractSources(input).
#include "subtract-sources-addon.h"

#include <algorithm>
#include <string>

#include "subtract-sources.h"

namespace formats {
namespace {

// The data of a typed array of exactly the wanted type and length.
template <typename Array>
auto dataOf(const Napi::Object& input, const char* name, std::size_t length) {
  const Napi::Value value = input.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().ElementLength() != length) {
    throw Napi::RangeError::New(input.Env(), std::string("subtractSources: ") + name +
                                                 " does not hold " + std::to_string(length) +
                                                 " values");
  }
  return value.As<Array>().Data();
}

void checkAntennas(const Napi::Object& input, const Subtraction& s) {
  const auto count = static_cast<std::int32_t>(s.antennaCount);
  const auto isStray = [count](std::int32_t antenna) { return antenna < 0 || antenna >= count; };
  if (std::any_of(s.antenna1, s.antenna1 + s.rowCount, isStray) ||
      std::any_of(s.antenna2, s.antenna2 + s.rowCount, isStray)) {
    throw Napi::RangeError::New(input.Env(), "subtractSources: a row names an antenna beyond the " +
                                                 std::to_string(count));
  }
}

Napi::Value subtractFromJavaScript(const Napi::CallbackInfo& info) {
  const auto input = info[0].As<Napi::Object>();
  const auto countOf = [&](const char* name) -> std::size_t {
    return input.Get(name).ToNumber().Uint32Value();
  };
  Subtraction s{};
  s.antennaCount = countOf("antennaCount");
  s.sourceCount = countOf("sourceCount");
  s.rowCount = countOf("rowCount");
  s.channelCount = countOf("channelCount");
  s.polarizationCount = countOf("polarizationCount");
  s.firstHz = input.Get("firstHz").ToNumber().DoubleValue();
  s.stepHz = input.Get("stepHz").ToNumber().DoubleValue();
  s.antenna1 = dataOf<Napi::Int32Array>(input, "antenna1", s.rowCount);
  s.antenna2 = dataOf<Napi::Int32Array>(input, "antenna2", s.rowCount);
  s.pathM = dataOf<Napi::Float64Array>(input, "pathM", s.sourceCount * s.antennaCount);
  s.fluxJy = dataOf<Napi::Float64Array>(input, "fluxJy", s.sourceCount * s.channelCount);
  s.steadyJy = dataOf<Napi::Float64Array>(input, "steadyJy", s.sourceCount);
  s.partHz = input.Get("partHz").ToNumber().DoubleValue();
  s.partCount = countOf("partCount");
  s.vis = dataOf<Napi::Float32Array>(input, "vis",
                                     2 * s.rowCount * s.channelCount * s.polarizationCount);
  checkAntennas(input, s);
  subtractSources(s);
  return info.Env().Undefined();
}

}  // namespace

void defineSubtractSources(Napi::Env env, Napi::Object exports) {
  exports.Set("subtractSources",
              Napi::Function::New(env, subtractFromJavaScript, "subtractSources"));
}

}  // namespace formats
