#include "convert.h"

#include <array>
#include <utility>

using casacore::AipsError;
using casacore::DataType;
using casacore::IPosition;
using casacore::String;

namespace contimg {

namespace {
const std::array<std::pair<DataType, const char*>, 8> TYPE_NAMES{{
    {casacore::TpBool, "bool"},
    {casacore::TpShort, "short"},
    {casacore::TpInt, "int"},
    {casacore::TpFloat, "float"},
    {casacore::TpDouble, "double"},
    {casacore::TpComplex, "complex"},
    {casacore::TpDComplex, "dcomplex"},
    {casacore::TpString, "string"},
}};
}  // namespace

std::string typeName(DataType type) {
  for (const auto& [known, name] : TYPE_NAMES)
    if (known == type) return name;
  return "unsupported";
}

DataType typeOf(const std::string& name) {
  for (const auto& [type, known] : TYPE_NAMES)
    if (name == known) return type;
  throw AipsError("value type " + name + " is not known");
}

IPosition shapeOf(const Napi::Value& value) {
  if (!value.IsArray()) throw AipsError("a shape, an array of numbers, was expected");
  auto array = value.As<Napi::Array>();
  IPosition shape(array.Length());
  for (uint32_t axis = 0; axis < array.Length(); axis++) shape[axis] = countOf(array.Get(axis));
  return shape;
}

Napi::Value jsShape(Napi::Env env, const IPosition& shape) {
  auto out = Napi::Array::New(env, shape.size());
  for (uint32_t axis = 0; axis < shape.size(); axis++)
    out.Set(axis, Napi::Number::New(env, static_cast<double>(shape[axis])));
  return out;
}

casacore::Array<String> stringsOf(const Napi::Value& value) {
  if (!value.IsArray()) throw AipsError("an array of strings was expected");
  auto array = value.As<Napi::Array>();
  casacore::Array<String> out(IPosition(1, array.Length()));
  uint32_t index = 0;
  for (auto& element : out) element = stringOf(array.Get(index++));
  return out;
}

Napi::Value jsStrings(Napi::Env env, const casacore::Array<String>& strings) {
  auto out = Napi::Array::New(env, strings.nelements());
  uint32_t index = 0;
  for (const auto& element : strings) out.Set(index++, std::string(element));
  return out;
}

}  // namespace contimg
